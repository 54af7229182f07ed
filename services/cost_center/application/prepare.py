"""Delivered file -> staged and reconciled bills, on this machine. Nothing here is seen by anybody yet."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from services.cost_center.domain.findings import Rejected
from services.cost_center.domain.ports import Converter, Files, SourceTotals, TotalsReader
from services.cost_center.domain.providers.registry import recognise
from services.cost_center.domain.reconciliation import (
    Reconciliation,
    demand_equal,
    demand_representable,
    reconcile,
)
from services.cost_center.domain.tables import Layout, RawStaging, SourceFile, StagedTable
from services.cost_center.events import Finding


@dataclass(frozen=True)
class PreparedBill:
    """One bill of a file, staged in both tiers and reconciled."""

    billing_period: str
    raw: StagedTable
    charges: StagedTable
    groups: Sequence[Reconciliation]


@dataclass(frozen=True)
class Prepared:
    """A file that was read. `rejection` says why none of its bills may be published, if so."""

    format: str | None = None
    content: str = ""
    periods: tuple[str, ...] = ()
    bills: Sequence[PreparedBill] = ()
    rejection: Rejected | None = None


@dataclass(frozen=True)
class Prepare:
    """Unpack, recognise, convert, curate, reconcile."""

    files: Files
    converter: Converter
    totals: TotalsReader

    def __call__(self, path: Path, name: str, source: str, workdir: Path) -> Prepared:
        """Never raises Rejected: a refused file says so in `rejection`, with as much as is known of it."""
        prepared = Prepared()
        try:
            file = self.files.unpack(path, name, workdir)
            prepared = replace(prepared, content=file.sha256)
            layout = recognise(name, self.files.headers(file), file.container)
            prepared = replace(prepared, format=layout.format)
            totals = self.totals.source_totals(file, layout)
            prepared = replace(prepared, periods=totals.periods)
            staging = self.converter.stage_raw(file, layout, source, workdir)
            _demand_rows(file, totals, staging)
            demand_representable(file.name, totals.groups)
            bills = [self._bill(file, layout, totals, staging, raw, workdir) for raw in staging.tables]
        except Rejected as rejection:
            return replace(prepared, rejection=rejection)
        return replace(prepared, bills=bills, periods=tuple(bill.billing_period for bill in bills))

    def _bill(
        self,
        file: SourceFile,
        layout: Layout,
        totals: SourceTotals,
        staging: RawStaging,
        raw: StagedTable,
        workdir: Path,
    ) -> PreparedBill:
        charges = self.converter.stage_charges(raw, layout, workdir)
        period = raw.billing_period
        said = {key: total for key, total in totals.groups.items() if key.billing_period == period}
        residues = {key: residue for key, residue in staging.residues.items() if key.billing_period == period}
        demand_equal(file.name, reconcile(said, self.totals.staged_totals(raw, layout), residues))
        groups = reconcile(said, self.totals.staged_totals(charges, layout), residues)
        demand_equal(file.name, groups)
        return PreparedBill(period, raw, charges, groups)


def _demand_rows(file: SourceFile, totals: SourceTotals, staging: RawStaging) -> None:
    staged = sum(table.rows for table in staging.tables)
    if staged != totals.rows:
        raise Rejected(
            [
                Finding(
                    file=file.name,
                    expected=f"{totals.rows} rows",
                    found=f"{staged} rows",
                    message="the two readers do not find the same rows",
                )
            ]
        )
