"""The converting reader: Polars, lazily from disk to disk."""

from pathlib import Path

from services.cost_center.adapters.polars_charges import ChargeStager
from services.cost_center.adapters.polars_raw import stage_raw
from services.cost_center.domain.tables import Layout, RawStaging, SourceFile, StagedTable


class PolarsConverter:
    """Turns a delivered file into parquet of the lake, on this machine."""

    def stage_raw(self, file: SourceFile, layout: Layout, source: str, workdir: Path) -> RawStaging:
        return stage_raw(file, layout, source, workdir)

    def stage_charges(self, raw: StagedTable, layout: Layout, workdir: Path) -> StagedTable:
        return ChargeStager(raw, layout).stage(workdir)
