"""Reading what was published of a bill over time, and what was restated between two of its sets."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.cost_center.domain.changes import combined, summary
from services.cost_center.domain.history import HistoricSet, HistoryPage
from services.cost_center.domain.ports import Bills
from services.cost_center.events import ChargeChange, SetChanges
from shared.clock import iso
from shared.errors import BadRequest, NotFound
from shared.tenancy import TenantId

NO_RESTATEMENT = "NO_RESTATEMENT"
NO_SUCH_SET = "NO_SUCH_SET"
INVALID_RANGE = "INVALID_RANGE"
MAX_STEPS = 100
"""So many restatements are added up at most: more than three months of one a day."""


class Documents(Protocol):
    """Documents of changes, which the lake keeps."""

    def signed(self, tenant: TenantId, uri: str) -> str:
        """An address from which anybody who has it can read the document for a while."""
        ...

    def read(self, tenant: TenantId, uri: str) -> list[ChargeChange]:
        """Every changed charge. Raises Unprocessable where there are too many to add up."""
        ...


@dataclass(frozen=True)
class Restatement:
    """A set, an earlier one, and what changed between the two.

    `document_url` is where all of it can be read, of neighbours. `known` is False where nothing but the
    totals is: a set between could not be read any more when it was replaced.
    """

    current: HistoricSet
    previous: HistoricSet
    changes: SetChanges
    known: bool
    document_url: str | None


@dataclass(frozen=True)
class ReadHistory:
    """The use cases."""

    bills: Bills
    documents: Documents

    def sets(self, tenant: TenantId, bill_id: str, *, limit: int, cursor: str | None) -> HistoryPage:
        """A page of the published sets, the newest first; none of a bill that was only ever rejected."""
        page = self.bills.history_page(tenant, bill_id, limit=limit, cursor=cursor)
        if not page.sets:
            self._demand(tenant, bill_id)
        return page

    def restatement(
        self, tenant: TenantId, bill_id: str, to: datetime | None, since: datetime | None = None
    ) -> Restatement:
        """What changed from the set published at `since` to that published at `to`.

        None is the newest set for `to`, and the one before it for `since`. Raises NotFound (NO_RESTATEMENT
        where no such set replaced another, NO_SUCH_SET where none was published at that moment) and
        BadRequest (INVALID_RANGE).
        """
        sets = self.bills.history_of(tenant, bill_id)
        if not sets:
            self._demand(tenant, bill_id)
        last = 0 if to is None else _place(sets, to)
        if since is not None:
            first = None if last is None else _place(sets, since)
            if last is None or first is None:
                missing = to if last is None else since
                raise NotFound(f"no set of {bill_id} was published at {_when(missing)}", code=NO_SUCH_SET)
            return self._between(tenant, sets, last, first)
        if last is None or last + 1 >= len(sets) or sets[last].changes is None:
            when = "" if to is None else f" at {iso(to)}"
            raise NotFound(f"bill {bill_id} was not restated{when}", code=NO_RESTATEMENT)
        return self._between(tenant, sets, last, last + 1)

    def _between(self, tenant: TenantId, sets: Sequence[HistoricSet], last: int, first: int) -> Restatement:
        current, previous = sets[last], sets[first]
        if first <= last:
            raise BadRequest("from must be the moment of an earlier set than to", code=INVALID_RANGE)
        if first - last > MAX_STEPS:
            raise BadRequest(
                f"{first - last} sets are between from and to: at most {MAX_STEPS}", code=INVALID_RANGE
            )
        steps = [each.changes for each in reversed(sets[last:first])]
        documents = [each.document for each in steps if each is not None and each.document is not None]
        known = len(documents) == len(steps)
        if len(steps) == 1 and steps[0] is not None:
            url = self.documents.signed(tenant, documents[0]) if known else None
            return Restatement(current, previous, steps[0], known, url)
        changed = combined(self.documents.read(tenant, uri) for uri in documents) if known else []
        told = summary(changed, previous.outcome.totals, current.outcome.totals, None)
        return Restatement(current, previous, told, known, None)

    def _demand(self, tenant: TenantId, bill_id: str) -> None:
        if self.bills.bill(tenant, bill_id) is None:
            raise NotFound(f"there is no bill {bill_id}")


def _place(sets: Sequence[HistoricSet], moment: datetime) -> int | None:
    return next((at for at, each in enumerate(sets) if each.published_at == moment), None)


def _when(moment: datetime | None) -> str:
    return "that moment" if moment is None else iso(moment)
