"""What the benchmarks of the query engine read: months of one large bill, as an ingest writes them."""

import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import polars as pl

from infra.demo.generate import Order, generate
from infra.demo.presets import PRESETS
from infra.demo.spec import BillFormat, Container, Month
from services.query_engine.adapters.frames import FrameStore
from services.query_engine.adapters.lake_files import LakeFiles
from services.query_engine.adapters.result_json import type_name
from services.query_engine.adapters.table_cells import cells_of, put_together, read_cells
from services.query_engine.adapters.text_twins import add_twins
from services.query_engine.domain.plan import Plan
from services.query_engine.domain.tables import Column, FileGroup, Table

ROOT = Path(__file__).resolve().parents[2]
_TIMES = ("ChargePeriodStart", "ChargePeriodEnd", "BillingPeriodStart", "BillingPeriodEnd")


@dataclass(frozen=True)
class Months:
    """Files of `charges`, and their rows."""

    files: tuple[str, ...]
    rows: int

    @property
    def table(self) -> Table:
        return table_of("charges", self.files, self.rows)


def table_of(name: str, files: tuple[str, ...], rows: int = 0) -> Table:
    schema = pl.read_parquet_schema(files[0]).items()
    columns = tuple(Column(each, type_name(kind)) for each, kind in schema if not each.startswith("onyx__"))
    return Table(name, columns, (FileGroup(files, columns),), rows)


def one_month(folder: Path, rows: int) -> tuple[Path, ...]:
    """August 2026 of a bill with about `rows` lines, ingested."""
    spec = replace(PRESETS["startup"].usual, rows=rows, months=1, start=Month.parse("2026-08"), seed=7)
    order = Order("startup", spec, format=BillFormat.CUR, container=Container.GZ, single=True)
    [file] = generate(order, folder).files
    made = folder / "ingested"
    made.mkdir()
    command = [sys.executable, "-m", "tests.benchmarks.ingest_once", "onyx", str(file), str(made)]
    subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    return tuple(sorted(made.glob("charges-*.parquet")))


def months(month: tuple[Path, ...], count: int, folder: Path) -> Months:
    """`count` months that end with `month`: the same rows at other dates, as a worker's copies lie."""
    folder.mkdir()
    files, rows = [], 0
    for back in range(count):
        for path in month:
            made = folder / f"{count - back:03}-{path.name}"
            moved = pl.scan_parquet(path).with_columns(pl.col(*_TIMES).dt.offset_by(f"-{back}mo"))
            moved.sink_parquet(made, compression="zstd", compression_level=3, row_group_size=1_000_000)
            rows += pl.scan_parquet(made).select(pl.len()).collect().item()
            add_twins(made, "acme")
            files.append(str(made))
    return Months(tuple(sorted(files)), rows)


def duckdb_over(
    tables: dict[str, Table], *, native: tuple[str, ...] | None = None
) -> duckdb.DuckDBPyConnection:
    """DuckDB over the same files; with `native`, over tables of its own with those columns."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    for name, table in tables.items():
        kind, columns = ("TABLE", native) if native else ("VIEW", tuple(each.name for each in table.columns))
        chosen = ", ".join(f'"{each}"' for each in columns)
        connection.execute(f"CREATE {kind} {name} AS SELECT {chosen} FROM read_parquet({list(table.files)})")
    return connection


class Memory:
    """Columns in memory, as a worker holds them."""

    def __init__(self) -> None:
        self.store = FrameStore(2**40)

    def files(self, plan: Plan) -> LakeFiles:
        """What the plan reads, brought in where it is not there."""
        frames = {}
        for bound in plan.tables:
            groups = cells_of("acme", bound)
            for group in groups:
                for path, cells in zip(group.group.files, group.cells, strict=True):
                    if missing := self.store.missing(cells):
                        self.store.put(read_cells(Path(path), group.group, missing))
            found = put_together(self.store, groups)
            assert found is not None
            frames[bound.name] = found
        return LakeFiles({}, frames=frames)
