"""The converting reader: Polars, lazily from disk to disk."""

from collections.abc import Sequence
from pathlib import Path

from services.cost_center.adapters import polars_files
from services.cost_center.adapters.polars_charges import ChargeStager
from services.cost_center.adapters.polars_raw import stage_raw
from services.cost_center.domain.promoted_tags import Promoted
from services.cost_center.domain.tables import Layout, RawStaging, SourceFile, StagedTable


class PolarsConverter:
    """Turns a delivered file into parquet of the lake, on this machine."""

    def stage_raw(self, file: SourceFile, layout: Layout, source: str, workdir: Path) -> RawStaging:
        return stage_raw(file, layout, source, workdir)

    def join_raw(self, parts: Sequence[StagedTable], workdir: Path) -> StagedTable:
        return polars_files.join_raw(parts, workdir)

    def stage_charges(
        self, raw: StagedTable, layout: Layout, workdir: Path, promoted: Promoted = ()
    ) -> StagedTable:
        return ChargeStager(raw, layout, promoted).stage(workdir)

    def of_accounts(self, charges: StagedTable, accounts: frozenset[str], workdir: Path) -> StagedTable:
        return polars_files.of_accounts(charges, accounts, workdir)
