"""The query engine against DuckDB in the same run: questions of FinOps, TPC-H, the front door, large tables.

There is no result cache and there are no rollups. A million rows a month, ONYX_BENCH_QUERY_ROWS=5000000 of
them; ONYX_BENCH_QUERY_LARGE=20000000 is how many the cost has to grow with in proportion.
"""

import math
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlglot
from sqlglot import exp

from services.query_engine.adapters.engines import RUNNERS
from services.query_engine.adapters.lake_files import LakeFiles
from services.query_engine.adapters.text_twins import add_twins
from services.query_engine.domain.front_door import read_query
from services.query_engine.domain.plan import Plan
from services.query_engine.domain.router import route
from services.query_engine.domain.tables import Table
from tests.benchmarks.finops_set import QUESTIONS
from tests.benchmarks.query_lake import Memory, Months, duckdb_over, months, one_month, table_of
from tests.benchmarks.report import Report, Section, verdict
from tests.unit.query_engine.tpch.queries import QUERIES as TPCH

WRITTEN = Path(__file__).resolve().parents[2] / "docs" / "benchmarks" / "query_engine.md"
MONTH = 1_000_000
ROWS = int(os.environ.get("ONYX_BENCH_QUERY_ROWS", "5000000"))
LARGE = int(os.environ.get("ONYX_BENCH_QUERY_LARGE", "20000000"))
TPCH_SCALE = os.environ.get("ONYX_BENCH_TPCH_SCALE", "1")
ROUNDS = 5
NOW = datetime(2026, 9, 1, tzinfo=UTC)
MOST_ROWS = 10_001
HYDRATED, SCAN, TPCH_SCAN, WORST = 0.75, 0.85, 0.75, 1.5
FRONT_DOOR_MS = 5.0


@pytest.fixture(scope="module")
def query_report(pytestconfig: pytest.Config) -> Iterator[Report]:
    made = Report(title="What a query costs")
    yield made
    sys.stdout.write("\n" + made.markdown())
    if pytestconfig.getoption("--write-report"):
        made.write(WRITTEN)


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    return one_month(tmp_path_factory.mktemp("month"), min(ROWS, MONTH))


@pytest.fixture(scope="module")
def lake(month: tuple[Path, ...], tmp_path_factory: pytest.TempPathFactory) -> Months:
    return months(month, max(1, ROWS // MONTH), tmp_path_factory.mktemp("lake") / "months")


@dataclass(frozen=True)
class Cost:
    """The least of the rounds, in seconds: on the clock, and of the processors."""

    clock: float
    cpu: float

    def over(self, other: "Cost") -> "Cost":
        return Cost(self.clock / other.clock, self.cpu / other.cpu)


def costs(*works: Callable[[], Any], rounds: int = ROUNDS) -> list[Cost]:
    """Of each, in turn: what disturbs one round disturbs all of them."""
    best = [(math.inf, math.inf)] * len(works)
    for _ in range(rounds):
        for at, work in enumerate(works):
            clock, cpu = time.perf_counter(), time.process_time()
            work()
            took = time.perf_counter() - clock, time.process_time() - cpu
            best[at] = min(best[at][0], took[0]), min(best[at][1], took[1])
    return [Cost(*each) for each in best]


def plan_of(sql: str, tables: dict[str, Table]) -> Plan:
    return route(read_query(sql, tables, NOW)).plan


def ours(plan: Plan, files: LakeFiles) -> Callable[[], int]:
    return lambda: RUNNERS[plan.engine](plan, MOST_ROWS, files).height


def theirs(connection: duckdb.DuckDBPyConnection, sql: str) -> Callable[[], int]:
    return lambda: min(connection.sql(sql).pl().height, MOST_ROWS)


def all_of(plans: Sequence[Plan]) -> None:
    for plan in plans:
        ours(plan, LakeFiles({}))()


def mean(found: Sequence[float]) -> float:
    return math.exp(statistics.fmean(map(math.log, found)))


def conclude(section: Section, found: Sequence[Cost], at_most: float) -> None:
    """The geometric mean and the worst of ratios, as the last lines of a section."""
    clock, cpu = mean([each.clock for each in found]), mean([each.cpu for each in found])
    section.add(
        "**geometric mean**", "", "", f"**{clock:.2f}**", f"{cpu:.2f}", verdict(clock, at_most=at_most)
    )
    worst = max(each.clock for each in found)
    section.add("**worst**", "", "", f"{worst:.2f}", "", verdict(worst, at_most=WORST))


def compare(
    section: Section, name: str, mine: Callable[[], int], other: Callable[[], int], engine: str
) -> Cost:
    assert mine() == other(), f"{name}: as many rows as DuckDB has"
    one, two = costs(mine, other)
    ratio = one.over(two)
    section.add(
        name,
        engine,
        f"{one.clock * 1e3:.0f} / {two.clock * 1e3:.0f}",
        f"{ratio.clock:.2f}",
        f"{ratio.cpu:.2f}",
        "",
    )
    return ratio


COLUMNS = ("query", "engine", "ms, ours / DuckDB", "clock, over DuckDB", "processors, over DuckDB", "verdict")


def test_finops_scan(lake: Months, query_report: Report) -> None:
    tables = {"charges": lake.table}
    section = query_report.section(
        "FinOps questions over files",
        f"{len(QUESTIONS)} questions, {lake.rows:,} rows of {len(lake.table.columns)} columns in "
        f"{len(lake.files)} files, warm, as a worker's copies lie; DuckDB reads the same ones. From plan to "
        f"rows; least of {ROUNDS} rounds.",
        *COLUMNS,
    )
    found = []
    with duckdb_over(tables) as connection:
        for name, sql in QUESTIONS.items():
            plan = plan_of(sql, tables)
            mine, other = ours(plan, LakeFiles({})), theirs(connection, sql)
            found.append(compare(section, name, mine, other, plan.engine))
    conclude(section, found, SCAN)


def test_finops_hydrated(lake: Months, query_report: Report) -> None:
    tables = {"charges": lake.table}
    wanted = {
        column.name.lower()
        for sql in QUESTIONS.values()
        for column in sqlglot.parse_one(sql, "trino").find_all(exp.Column)
    }
    columns = tuple(each.name for each in lake.table.columns if each.name.lower() in wanted)
    memory = Memory()
    section = query_report.section(
        "FinOps questions in memory",
        f"The same, over columns in memory; DuckDB over a table of its own with the {len(columns)} columns "
        "that the questions read.",
        *COLUMNS,
    )
    found = []
    with duckdb_over(tables, native=columns) as connection:
        for name, sql in QUESTIONS.items():
            plan = plan_of(sql, tables)
            mine, other = ours(plan, memory.files(plan)), theirs(connection, sql)
            found.append(compare(section, name, mine, other, plan.engine))
    conclude(section, found, HYDRATED)
    section.add("bytes per row in memory", "", f"{memory.store.bytes / lake.rows:.0f}", "", "", "")


def test_tpch(tmp_path: Path, query_report: Report) -> None:
    command = [str(Path(sys.executable).with_name("tpchgen-cli")), "parquet", "-s", TPCH_SCALE]
    subprocess.run([*command, "--output-dir", str(tmp_path)], check=True, capture_output=True)
    files = sorted(tmp_path.glob("*.parquet"))
    tables = {path.stem: table_of(path.stem, (str(path),)) for path in files}
    for path in files:
        add_twins(path, "acme")
    section = query_report.section(
        "TPC-H over files", f"Scale factor {TPCH_SCALE}, parquet of tpchgen-cli, warm.", *COLUMNS
    )
    found = []
    with duckdb_over(tables) as connection:
        for name, sql in TPCH.items():
            plan = plan_of(sql, tables)
            mine, other = ours(plan, LakeFiles({})), theirs(connection, sql)
            found.append(compare(section, str(name), mine, other, plan.engine))
    conclude(section, found, TPCH_SCAN)


def test_front_door(lake: Months, query_report: Report) -> None:
    tables = {"charges": lake.table}
    took = []
    for _ in range(ROUNDS):
        for sql in QUESTIONS.values():
            began = time.perf_counter()
            plan_of(sql, tables)
            took.append((time.perf_counter() - began) * 1e3)
    section = query_report.section(
        "Front door", "From a question's text to its plan, milliseconds.", "what", "measured", "verdict"
    )
    half = statistics.median(took)
    section.add("p50", f"{half:.1f}", verdict(half, at_most=FRONT_DOOR_MS))
    section.add("p95", f"{statistics.quantiles(took, n=20)[-1]:.1f}", "")


def test_cost_grows_with_rows(month: tuple[Path, ...], tmp_path: Path, query_report: Report) -> None:
    """Every question, over one month and over many: processor time per row."""
    section = query_report.section(
        "Twenty times the rows",
        "All questions over files, one after the other: processor time per row, over the smaller table's.",
        *("rows", "ms on the clock", "ms of processors", "per row, over the smaller", "verdict"),
    )
    smallest = 0.0
    for count in (1, max(2, LARGE // MONTH)):
        some = months(month, count, tmp_path / str(count))
        tables = {"charges": some.table}
        plans = [plan_of(sql, tables) for sql in QUESTIONS.values()]
        [cost] = costs(partial(all_of, plans), rounds=2)
        per_row = cost.cpu / some.rows
        smallest = smallest or per_row
        ratio = per_row / smallest
        section.add(
            f"{some.rows:,}",
            f"{cost.clock * 1e3:.0f}",
            f"{cost.cpu * 1e3:.0f}",
            f"{ratio:.2f}",
            verdict(ratio, at_most=1.1),
        )
        for path in some.files:
            Path(path).unlink()
