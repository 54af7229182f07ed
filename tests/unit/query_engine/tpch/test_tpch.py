"""TPC-H on every engine: the same rows, in the same order, as DuckDB run directly on the same files."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from services.query_engine.adapters.engines import run
from services.query_engine.adapters.result_json import type_name
from services.query_engine.domain.answers import Limits
from services.query_engine.domain.front_door import plan_for, read_query
from services.query_engine.domain.router import route
from services.query_engine.domain.tables import Column, FileGroup, Table
from shared.money import money_text
from tests.fakes.query_engine import NOW
from tests.unit.query_engine.tpch.queries import QUERIES

SCALE_FACTOR = "0.02"
LIMITS = Limits(rows=10_000, bytes=50_000_000)
DECLINED_BY_POLARS: dict[str, str] = {}


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Table]:
    folder = tmp_path_factory.mktemp("tpch")
    command = Path(sys.executable).with_name("tpchgen-cli")
    subprocess.run(
        [command, "parquet", "-s", SCALE_FACTOR, "--output-dir", folder], check=True, capture_output=True
    )
    found = {}
    for file in sorted(folder.glob("*.parquet")):
        columns = tuple(Column(name, type_name(kind)) for name, kind in pl.read_parquet_schema(file).items())
        found[file.stem] = Table(file.stem, columns, (FileGroup((str(file),), columns),))
    assert len(found) == 8
    return found


@pytest.fixture(scope="module")
def oracle(tables: dict[str, Table]) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        for name, table in tables.items():
            connection.execute(f"CREATE VIEW {name} AS SELECT * FROM '{table.files[0]}'")
        yield connection


@pytest.mark.parametrize("engine", ["polars", "duckdb", "routed"])
@pytest.mark.parametrize("name", QUERIES)
def test_the_same_rows_as_duckdb(
    name: str, engine: str, tables: dict[str, Table], oracle: duckdb.DuckDBPyConnection
) -> None:
    query = read_query(QUERIES[name], tables, NOW)
    if engine == "polars" and name in DECLINED_BY_POLARS:
        pytest.skip(DECLINED_BY_POLARS[name])
    plan = route(query).plan if engine == "routed" else plan_for(engine, query)
    found = [tuple(each.values()) for each in json.loads(run(plan, LIMITS, {}).rows)]
    wanted = oracle.execute(QUERIES[name]).fetchall()
    assert len(found) == len(wanted)
    for row, other in zip(found, wanted, strict=True):
        for value, theirs in zip(row, other, strict=True):
            assert_same(value, theirs)


def assert_same(value: Any, theirs: Any) -> None:
    """Decimals exactly; where DuckDB divides to a double, ours is within its precision."""
    match theirs:
        case float():
            assert Decimal(value) == pytest.approx(Decimal(theirs), rel=Decimal("1e-12"))
        case Decimal():
            assert value == money_text(theirs)
        case date():
            assert value == theirs.isoformat()
        case _:
            assert value == theirs
