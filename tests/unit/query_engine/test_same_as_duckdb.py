"""The same rows as DuckDB on the same file, for FinOps queries; in order where the query has one."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import duckdb
import pytest

from services.query_engine.domain.answers import Answer
from shared.money import money_text
from tests.unit.query_engine.finops_queries import QUERIES

ZONED = "* REPLACE (CAST(ChargePeriodStart AS timestamp) AS ChargePeriodStart)"


@pytest.fixture(scope="module")
def oracle(demo_files: dict[str, tuple[str, ...]]) -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'; SET default_null_order = 'nulls_last'")
    for name, (path,) in demo_files.items():
        connection.execute(f"CREATE TABLE {name} AS SELECT {ZONED} FROM '{path}'")
    yield connection
    connection.close()


@pytest.mark.parametrize("case", QUERIES, ids=lambda case: case if isinstance(case, str) else case[0])
def test_same_rows(
    case: str | tuple[str, str], ask: Callable[[str], Answer], oracle: duckdb.DuckDBPyConnection
) -> None:
    athena, duck = (case, case) if isinstance(case, str) else case
    mine = [tuple(map(plain, row.values())) for row in json.loads(ask(athena).rows)]
    other = [tuple(map(plain, row)) for row in oracle.execute(duck).fetchall()]
    outermost = re.sub(r"\([^()]*(\([^()]*\)[^()]*)*\)", "", athena)
    if "ORDER BY" not in outermost:
        mine, other = sorted(mine, key=repr), sorted(other, key=repr)
    assert mine == other


def plain(value: Any) -> Any:
    """One form for what both say; doubles to ten digits."""
    match value:
        case bool():
            return value
        case Decimal():
            return money_text(value)
        case float():
            return f"{value:.10g}"
        case datetime():
            return f"{value.isoformat()}Z"
        case date():
            return value.isoformat()
    return value
