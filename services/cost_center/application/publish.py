"""Publishing one prepared bill: lake first, then one transaction that makes it visible."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from services.cost_center.application.prepare import Prepared, PreparedBill
from services.cost_center.domain.bill import Bill, Delivery, Outcome, PublishedSet, Status, judge
from services.cost_center.domain.landing import LandingPlace
from services.cost_center.domain.ports import Bills, FailPoint, Lake
from services.cost_center.domain.providers.registry import provider_of
from services.cost_center.domain.reconciliation import by_currency
from services.cost_center.domain.tables import StagedTable
from services.cost_center.events import BillIngested, PublishedTable
from shared.clock import Clock
from shared.ids import Ids
from shared.money import money_text


@dataclass(frozen=True)
class Publish:
    """The step for one bill of a readable file."""

    bills: Bills
    lake: Lake
    clock: Clock
    ids: Ids
    failpoint: FailPoint
    place: LandingPlace
    prepared: Prepared
    bill: PreparedBill
    bill_id: str
    delivered_at: datetime
    all_bills: frozenset[str]
    _uploaded: dict[str, list[str]] = field(default_factory=dict)
    """Data files that are in the lake already: a lost race commits them again, and uploads nothing."""

    def __call__(self, delivery: Delivery, stored: Bill | None) -> Outcome:
        published = None if stored is None else stored.published
        used = provider_of(self.bill.raw.table).mapping.recipe
        status, why_not = judge(
            published, content=self.prepared.content, recipe=used, delivered_at=self.delivered_at
        )
        if stored is not None and why_not is not None:
            return self._leave(delivery, stored, why_not)
        primaries = self.bills.primaries(self.place.tenant, self.bill.billing_period)
        accounts = {group.key.billing_account for group in self.bill.groups}
        shadowed = self._shadowed(primaries.taken(accounts, source=self.place.source))
        attempt = self.ids.new()
        tables = self._commit(delivery.delivery_id, attempt, primary=not shadowed)
        self.bills.save_reconciliation(self.place.tenant, self.bill_id, attempt, self.bill.groups)
        self.failpoint("reconciliation saved")
        now = self.clock.now()
        made = PublishedSet(
            delivery_id=delivery.delivery_id,
            attempt=attempt,
            content=self.prepared.content,
            recipe=used,
            delivered_at=self.delivered_at,
            published_at=now,
            primary=not shadowed,
            tables=tables,
        )
        outcome = self._outcome(delivery, status, (*shadowed, *self._rounded()), now)
        self.bills.record(
            self.place.tenant,
            delivery=delivery.with_outcome(outcome, of=self.all_bills),
            bill=Bill(outcome, made, version=None if stored is None else stored.version),
            event=self._event(outcome, made),
            publishes=True,
            primaries=primaries.fed_by(self.place.source, () if shadowed else accounts),
        )
        self.failpoint("recorded")
        return outcome

    def _leave(self, delivery: Delivery, stored: Bill, why: str) -> Outcome:
        """The delivery changes nothing that readers see: its outcome is kept, a rejection before it settled.

        Where it brought the published content again, that content is as new as this delivery: what was
        delivered between the two and comes late must not replace it.
        """
        outcome = replace(
            stored.outcome,
            delivery_id=delivery.delivery_id,
            status=Status.UNCHANGED,
            files=(self.place.filename,),
            reasons=(why,),
        )
        published = stored.published
        if published is not None and published.content == self.prepared.content:
            newest = max(published.delivered_at, self.delivered_at)
            published = replace(published, delivered_at=newest)
        settled = replace(stored, published=published, last_rejection=None)
        self.bills.record(
            self.place.tenant,
            delivery=delivery.with_outcome(outcome, of=self.all_bills),
            bill=settled if settled != stored else None,
            event=None,
            publishes=False,
        )
        return outcome

    def _shadowed(self, taken: Mapping[str, str]) -> tuple[str, ...]:
        """Why the bill may not feed charges: another source brings the same account's money of this
        period."""
        return tuple(
            f"charges of billing account {account} for {self.bill.billing_period} come from source {other}: "
            "this bill is kept raw and is not added to them"
            for account, other in taken.items()
        )

    def _rounded(self) -> tuple[str, ...]:
        """What rounding to 18 decimals took away, which is the only difference a published bill may have."""
        return tuple(
            f"amounts of more than 18 decimals were rounded: the residue is {money_text(total.difference)} "
            f"{total.currency}"
            for total in by_currency(self.bill.groups)
            if total.difference
        )

    def _commit(self, delivery_id: str, attempt: str, *, primary: bool) -> dict[str, PublishedTable]:
        staged = [self.bill.raw, self.bill.charges] if primary else [self.bill.raw]
        tables = {}
        for table in staged:
            files = self._files(table, delivery_id, attempt)
            tables[table.table] = self.lake.replace(
                self.place.tenant,
                table,
                files,
                source=self.place.source,
                bill_id=self.bill_id,
                delivery_id=delivery_id,
            )
            self.failpoint(f"{table.tier.value} committed")
        return tables

    def _files(self, table: StagedTable, delivery_id: str, attempt: str) -> list[str]:
        if table.table not in self._uploaded:
            self._uploaded[table.table] = self.lake.upload(self.place.tenant, table, delivery_id, attempt)
            self.failpoint(f"{table.tier.value} uploaded")
        return self._uploaded[table.table]

    def _outcome(
        self, delivery: Delivery, status: Status, reasons: tuple[str, ...], published_at: datetime
    ) -> Outcome:
        return Outcome(
            bill_id=self.bill_id,
            source=self.place.source,
            delivery_id=delivery.delivery_id,
            status=status,
            format=self.prepared.format,
            billing_period=self.bill.billing_period,
            files=(self.place.filename,),
            rows=self.bill.raw.rows,
            totals=tuple(by_currency(self.bill.groups)),
            reasons=reasons,
            published_at=published_at,
        )

    def _event(self, outcome: Outcome, made: PublishedSet) -> BillIngested:
        return BillIngested(
            bill_id=outcome.bill_id,
            source=outcome.source,
            format=outcome.format or "",
            billing_period=self.bill.billing_period,
            delivery_id=outcome.delivery_id,
            status="restated" if outcome.status is Status.RESTATED else "ingested",
            rows=outcome.rows,
            totals=list(outcome.totals),
            tables=sorted(made.tables),
            published_at=made.published_at,
            primary=made.primary,
        )
