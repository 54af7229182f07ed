"""Snapshots of what DuckDB is given, of the same queries as Polars' and a few that only DuckDB is given.

ONYX_WRITE_SNAPSHOTS=1 writes them anew.
"""
# One query a line reads better than one that is broken for its length.
# ruff: noqa: E501

import os

from services.query_engine.domain.front_door import compile_query
from tests.fakes.query_engine import NOW, demo_tables
from tests.unit.query_engine.conftest import SNAPSHOTS
from tests.unit.query_engine.test_polars_sql import CASES as SHARED

TARGET = SNAPSHOTS / "duckdb.sql"

CASES = (
    *SHARED,
    "SELECT BilledCost % 0.7, round(BilledCost, -1), floor(BilledCost), sign(n), round(F, 2), cast(F AS bigint) FROM charges",
    "SELECT coalesce(BilledCost, 0.5), CASE WHEN Flag THEN cast(BilledCost AS decimal(38, 2)) ELSE BilledCost END FROM charges",
    "SELECT BilledCost FROM charges UNION ALL SELECT 1.5 FROM small",
    "SELECT substr(ServiceName, -3), trim(ServiceName), replace(ServiceName, RegionId), split_part(RegionId, '-', 2) FROM charges",
    "SELECT try_cast(ServiceName AS bigint), cast(ServiceName AS decimal(10, 2)), try_cast(ServiceName AS timestamp) FROM charges",
    "SELECT date_diff('month', Day, now()), date_add('week', n, Day), date_parse(ServiceName, '%Y-%m-%d') FROM charges",
    "SELECT sum(n) OVER (ORDER BY Day RANGE BETWEEN INTERVAL '7' DAY PRECEDING AND CURRENT ROW), lag(BilledCost, 2, 0) OVER (ORDER BY Day) FROM charges",
    "SELECT n FROM charges WHERE ServiceName NOT LIKE 'a!%%' ESCAPE '!' AND BilledCost IN (SELECT n FROM small)",
    "SELECT 5 AS k, count(*) FROM charges GROUP BY 1",
)


def test_every_case_is_written_as_it_was() -> None:
    tables = demo_tables()
    written = "\n".join(f"-- {case}\n{compile_query(case, tables, NOW, 'duckdb').sql}\n" for case in CASES)
    if os.environ.get("ONYX_WRITE_SNAPSHOTS"):
        TARGET.write_text(written, encoding="utf-8")
    assert written == TARGET.read_text(encoding="utf-8")
