"""Delivered files -> staged and reconciled bills, on this machine. Nothing here is seen by anybody yet."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from services.cost_center.application.reading import DeliveredFile, Reading
from services.cost_center.domain.findings import Rejected
from services.cost_center.domain.manifest import Manifest
from services.cost_center.domain.ports import Converter, Files, TotalsReader
from services.cost_center.domain.promoted_tags import Promoted
from services.cost_center.domain.reconciliation import Reconciliation, demand_equal, reconcile
from services.cost_center.domain.tables import Layout, StagedTable
from shared.errors import OnyxError


@dataclass(frozen=True)
class PreparedBill:
    """One bill of a delivery, staged in both tiers and reconciled."""

    billing_period: str
    raw: StagedTable
    charges: StagedTable
    groups: Sequence[Reconciliation]
    layout: Layout


@dataclass(frozen=True)
class Prepared:
    """A delivery that was read. `rejection` says why none of its bills may be published, if so.

    `files` are the names to tell: all of them, or the first and how many more there are. `content` is the
    same for the same contents, however packed and in whatever order.
    """

    format: str | None = None
    content: str = ""
    promoted: Promoted = ()
    periods: tuple[str, ...] = ()
    bills: Sequence[PreparedBill] = ()
    rejection: Rejected | None = None
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class Prepare:
    """Unpack, recognise, convert, curate, reconcile."""

    files: Files
    converter: Converter
    totals: TotalsReader
    promoted: Promoted = ()
    """Tags that `charges` has a column for."""

    def __call__(self, path: Path, name: str, source: str, workdir: Path) -> Prepared:
        """One file. Never raises Rejected: see `delivery`."""
        return self.delivery([DeliveredFile(name, path, workdir)], source, workdir)

    def delivery(
        self, files: Iterable[DeliveredFile], source: str, workdir: Path, manifest: Manifest | None = None
    ) -> Prepared:
        """The files as one set of bills; each is done with when the next is taken, and may be gone then.

        Never raises Rejected: refused files say so in `rejection`, with as much as is known of them. What
        `manifest` says is held against what they hold.
        """
        reading = Reading(self.files, self.converter, self.totals, source, manifest)
        for each in files:
            reading.take(each)
        prepared = Prepared(
            format=reading.format,
            content=reading.content,
            promoted=self.promoted,
            periods=reading.periods,
            files=reading.told,
        )
        try:
            layout = reading.finish()
            bills = [self._bill(reading, layout, period, workdir) for period in sorted(reading.tables)]
        except Rejected as rejection:
            return replace(prepared, rejection=rejection)
        return replace(prepared, bills=bills, periods=tuple(bill.billing_period for bill in bills))

    def _bill(self, reading: Reading, layout: Layout, period: str, workdir: Path) -> PreparedBill:
        parts = reading.tables[period]
        raw = parts[0] if len(parts) == 1 else self.converter.join_raw(parts, workdir)
        said, residues = reading.said(period)
        with ThreadPoolExecutor(1) as beside:
            back = beside.submit(self.totals.staged_totals, raw, layout)
            charges = self.converter.stage_charges(raw, layout, workdir, self.promoted)
        demand_equal(reading.name, reconcile(said, back.result(), residues))
        groups = reconcile(said, self.totals.staged_totals(charges, layout), residues)
        demand_equal(reading.name, groups)
        return PreparedBill(period, raw, charges, groups, layout)

    def of_accounts(self, bill: PreparedBill, accounts: frozenset[str]) -> StagedTable:
        """The bill's charges of these billing accounts only, read back as all of them were.

        Raises OnyxError where they are not what was reconciled: that is nothing a bill can cause.
        """
        part = self.converter.of_accounts(bill.charges, accounts, bill.charges.paths[0].parent)
        expected = {
            group.key: group.curated for group in bill.groups if group.key.billing_account in accounts
        }
        if self.totals.staged_totals(part, bill.layout) != expected:
            raise OnyxError(f"a part of the charges of {bill.billing_period} does not add up")
        return part
