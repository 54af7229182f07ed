"""Publishing one prepared bill: lake first, then one transaction that makes it visible."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from services.cost_center.application.prepare import Prepared, PreparedBill
from services.cost_center.application.reasons import rounded, shadowed
from services.cost_center.domain.bill import Bill, Delivery, Outcome, PublishedSet, Status, judge
from services.cost_center.domain.changes import compare, document, summary
from services.cost_center.domain.landing import LandingPlace
from services.cost_center.domain.ports import Bills, ChangeReports, FailPoint, Lake
from services.cost_center.domain.promoted_tags import recipe_with
from services.cost_center.domain.providers.registry import provider_of
from services.cost_center.domain.reconciliation import by_currency
from services.cost_center.domain.tables import CHARGES, StagedTable
from services.cost_center.events import (
    BillIngested,
    BillRestated,
    ChargeChange,
    PreviousSet,
    PublishedTable,
    SetChanges,
)
from shared.clock import Clock
from shared.errors import Unavailable
from shared.ids import Ids
from shared.observability import logger

_NEXT = timedelta(microseconds=1)


@dataclass(frozen=True)
class Publish:
    """The step for one bill of a readable file."""

    bills: Bills
    lake: Lake
    changes: ChangeReports
    clock: Clock
    ids: Ids
    failpoint: FailPoint
    place: LandingPlace
    prepared: Prepared
    bill: PreparedBill
    bill_id: str
    delivered_at: datetime
    order: str
    """Tells deliveries of one moment apart: see `landing.order_of`."""
    all_bills: frozenset[str]
    of_accounts: Callable[[PreparedBill, frozenset[str]], StagedTable]
    """The bill's charges of some billing accounts (see Prepare.of_accounts)."""
    _uploaded: dict[tuple[Path, ...], list[str]] = field(default_factory=dict)
    """Data files that are in the lake already: a lost race commits them again, and uploads nothing."""
    _parts: dict[frozenset[str], StagedTable] = field(default_factory=dict)
    """Charges by the billing accounts that this source feeds: a lost race may change them."""

    def __call__(self, delivery: Delivery, stored: Bill | None) -> Outcome:
        published = None if stored is None else stored.published
        mapping = provider_of(self.bill.raw.table).mapping
        used = recipe_with(mapping.recipe, self.prepared.promoted)
        status, why_not = judge(
            published,
            content=self.prepared.content,
            recipe=used,
            delivered_at=self.delivered_at,
            order=self.order,
        )
        if stored is not None and why_not is not None:
            return self._leave(delivery, stored, why_not)
        primaries = self.bills.primaries(self.place.tenant, self.bill.billing_period)
        accounts = {group.key.billing_account for group in self.bill.groups}
        taken = primaries.taken(accounts, source=self.place.source)
        charges = self._charges(frozenset(accounts - taken.keys()))
        attempt = self.ids.new()
        tables = self._commit(delivery.delivery_id, attempt, charges)
        groups = [replace(each, raw_only=each.key.billing_account in taken) for each in self.bill.groups]
        self.bills.save_reconciliation(self.place.tenant, self.bill_id, attempt, groups)
        self.failpoint("reconciliation saved")
        now = self.clock.now()
        if published is not None:
            # Sets are told apart and ordered by this, whatever the clocks of two tasks say.
            now = max(now, published.published_at + _NEXT)
        made = PublishedSet(
            delivery_id=delivery.delivery_id,
            attempt=attempt,
            content=self.prepared.content,
            recipe=used,
            delivered_at=self.delivered_at,
            published_at=now,
            primary=charges is not None,
            tables=tables,
            order=self.order,
        )
        outcome = self._outcome(delivery, status, (*shadowed(self.bill, taken), *rounded(self.bill)), now)
        self.bills.record(
            self.place.tenant,
            delivery=delivery.with_outcome(outcome, of=self.all_bills),
            bill=Bill(outcome, made, version=None if stored is None else stored.version),
            event=self._event(outcome, made, stored, charges),
            publishes=True,
            primaries=primaries.fed_by(self.place.source, accounts - taken.keys()),
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
            files=self.prepared.files,
            reasons=(why,),
        )
        published = stored.published
        if published is not None and published.content == self.prepared.content:
            newest = max((published.delivered_at, published.order), (self.delivered_at, self.order))
            published = replace(published, delivered_at=newest[0], order=newest[1])
        settled = replace(stored, published=published, last_rejection=None)
        self.bills.record(
            self.place.tenant,
            delivery=delivery.with_outcome(outcome, of=self.all_bills),
            bill=settled if settled != stored else None,
            event=None,
            publishes=False,
        )
        return outcome

    def _charges(self, accounts: frozenset[str]) -> StagedTable | None:
        """What of the bill feeds charges: all, what is of the accounts that no other source feeds, or
        nothing."""
        if not accounts:
            return None
        if all(group.key.billing_account in accounts for group in self.bill.groups):
            return self.bill.charges
        if accounts not in self._parts:
            self._parts[accounts] = self.of_accounts(self.bill, accounts)
        return self._parts[accounts]

    def _commit(
        self, delivery_id: str, attempt: str, charges: StagedTable | None
    ) -> dict[str, PublishedTable]:
        staged = [self.bill.raw] if charges is None else [self.bill.raw, charges]
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
        if table.paths not in self._uploaded:
            self._uploaded[table.paths] = self.lake.upload(self.place.tenant, table, delivery_id, attempt)
            self.failpoint(f"{table.tier.value} uploaded")
        return self._uploaded[table.paths]

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
            files=self.prepared.files,
            rows=self.bill.raw.rows,
            totals=tuple(by_currency(self.bill.groups)),
            reasons=reasons,
            published_at=published_at,
        )

    def _event(
        self, outcome: Outcome, made: PublishedSet, stored: Bill | None, charges: StagedTable | None
    ) -> BillIngested:
        event = BillIngested(
            bill_id=outcome.bill_id,
            source=outcome.source,
            format=outcome.format or "",
            billing_period=self.bill.billing_period,
            delivery_id=outcome.delivery_id,
            status="ingested",
            rows=outcome.rows,
            totals=list(outcome.totals),
            tables=sorted(made.tables),
            published_at=made.published_at,
            primary=made.primary,
        )
        if stored is None or stored.published is None:
            return event
        before = stored.published
        changes = self._changes(outcome, made, stored.outcome, before, charges)
        self.failpoint("changes saved")
        return BillRestated.model_validate(
            {
                **event.model_dump(),
                "status": "restated",
                "previous": PreviousSet(
                    delivery_id=before.delivery_id,
                    published_at=before.published_at,
                    rows=stored.outcome.rows,
                ),
                "changes": changes,
            }
        )

    def _changes(
        self,
        outcome: Outcome,
        made: PublishedSet,
        before: Outcome,
        replaced: PublishedSet,
        charges: StagedTable | None,
    ) -> SetChanges:
        changed = self._compared(charges, replaced)
        if changed is None:
            return summary((), before.totals, outcome.totals, None)
        saved = self.changes.save(
            self.place.tenant,
            self.bill_id,
            outcome.delivery_id,
            made.attempt,
            document(self.bill_id, changed),
        )
        return summary(changed, before.totals, outcome.totals, saved)

    def _compared(self, charges: StagedTable | None, replaced: PublishedSet) -> list[ChargeChange] | None:
        """None where what is replaced cannot be read: the new bill matters more than what changed, and may
        be what mends it."""
        after = {} if charges is None else self.changes.staged(charges)
        known = replaced.tables.get(CHARGES)
        try:
            before = {} if known is None else self.changes.published(self.place.tenant, known)
        except Unavailable:
            logger.exception("what a restatement changed is not known", bill=self.bill_id)
            return None
        return compare(before, after)
