"""What the routes of a bill's history answer. Money is canonical decimal text."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from services.cost_center.application.history import Restatement
from services.cost_center.domain.bill import Status
from services.cost_center.domain.history import HistoricSet, HistoryPage
from services.cost_center.events import ChargeChange, CurrencyTotal, TotalChange
from services.cost_center.handlers.models import TotalView


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True)


class SetView(_Model):
    published_at: datetime = Field(description="`as_of` this moment, and until the next set, it answers.")
    delivery_id: str
    status: Status
    format: str | None
    files: list[str]
    rows: int
    totals: list[TotalView]
    kept: bool = Field(description="Whether `as_of` can still read it: see the retention.")


class BillHistory(_Model):
    rows: list[SetView]
    cursor: str | None = Field(description="Give it as `cursor` for the next page; null on the last.")


class BillChanges(_Model):
    bill_id: str
    current: SetView
    previous: SetView
    totals: list[TotalChange]
    largest: list[ChargeChange] = Field(
        description="The charges whose billed cost changed most, by absolute difference: at most 50."
    )
    others: list[TotalChange] = Field(description="All further changed charges, summed per currency.")
    count: int = Field(description="How many charges changed in all.")
    known: bool = Field(
        description="False: a set could not be read any more when it was replaced, and only the totals are "
        "known."
    )
    document_url: str | None = Field(
        description="All changed charges as JSON; no token is needed, for 15 minutes. Null where only the "
        "totals are known, and of sets that are not neighbours: each restatement between has its own."
    )


def set_view(each: HistoricSet) -> SetView:
    outcome = each.outcome
    return SetView(
        published_at=each.published_at,
        delivery_id=outcome.delivery_id,
        status=outcome.status,
        format=outcome.format,
        files=list(outcome.files),
        rows=outcome.rows,
        totals=[_total(total) for total in outcome.totals],
        kept=each.kept,
    )


def history_view(page: HistoryPage) -> BillHistory:
    return BillHistory(rows=[set_view(each) for each in page.sets], cursor=page.cursor)


def changes_view(found: Restatement) -> BillChanges:
    changes = found.changes
    return BillChanges(
        bill_id=found.current.outcome.bill_id,
        current=set_view(found.current),
        previous=set_view(found.previous),
        totals=changes.totals,
        largest=changes.largest,
        others=changes.others,
        count=changes.count,
        known=found.known,
        document_url=found.document_url,
    )


def _total(total: CurrencyTotal) -> TotalView:
    return TotalView(
        currency=total.currency,
        raw_total=total.raw,
        curated_total=total.curated,
        difference=total.difference,
    )
