"""What holds of every engine: binding of files, limits, the codes of what fails."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from services.query_engine.adapters.engines import run
from services.query_engine.domain.answers import Answer, Limits
from services.query_engine.domain.front_door import compile_query
from services.query_engine.domain.tables import Column, FileGroup, Table, union_columns
from shared.errors import OnyxError
from tests.fakes.query_engine import NOW


def test_bills_with_other_columns_are_united_and_their_zones_are_utc(tmp_path: Path, engine: str) -> None:
    pl.DataFrame({"A": [1], "Seen": [datetime(2026, 9, 1, tzinfo=UTC)]}).write_parquet(tmp_path / "1.parquet")
    pl.DataFrame({"b": ["x"], "a": [2]}).write_parquet(tmp_path / "2.parquet")
    first = (Column("A", "bigint"), Column("Seen", "timestamp with time zone"))
    second = (Column("b", "string"), Column("a", "long"))
    groups = (
        FileGroup((str(tmp_path / "1.parquet"),), first),
        FileGroup((str(tmp_path / "2.parquet"),), second),
    )
    table = Table("t", union_columns(first, second), groups)
    answer = run(
        compile_query("select * from t order by a", {"t": table}, NOW, engine), Limits(10, 10_000), {}
    )
    assert json.loads(answer.rows) == [
        {"A": 1, "Seen": "2026-09-01T00:00:00Z", "b": None},
        {"A": 2, "Seen": None, "b": "x"},
    ]
    assert [each.type for each in answer.columns] == ["bigint", "timestamp", "varchar"]


def test_a_column_that_was_published_and_is_not_in_the_file_is_an_error(tmp_path: Path, engine: str) -> None:
    pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "1.parquet")
    columns = (Column("a", "bigint"), Column("b", "varchar"))
    table = Table("t", columns, (FileGroup((str(tmp_path / "1.parquet"),), columns),))
    with pytest.raises(OnyxError) as caught:
        run(compile_query("select a, b from t", {"t": table}, NOW, engine), Limits(10, 10_000), {})
    assert caught.value.code == "LAKE_INCONSISTENT"


def test_a_file_that_is_gone_is_an_error(tmp_path: Path, engine: str) -> None:
    columns = (Column("a", "bigint"),)
    table = Table("t", columns, (FileGroup((str(tmp_path / "gone.parquet"),), columns),))
    with pytest.raises(OnyxError) as caught:
        run(compile_query("select a from t", {"t": table}, NOW, engine), Limits(10, 10_000), {})
    assert caught.value.code == "LAKE_UNAVAILABLE"
    assert str(tmp_path) not in caught.value.detail


def test_file_names_are_no_patterns(tmp_path: Path, engine: str) -> None:
    pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "1.parquet")
    columns = (Column("a", "bigint"),)
    table = Table("t", columns, (FileGroup((str(tmp_path / "*.parquet"),), columns),))
    with pytest.raises(OnyxError):
        run(compile_query("select a from t", {"t": table}, NOW, engine), Limits(10, 10_000), {})


def test_rows_and_bytes_are_limited(tables: dict[str, Table], engine: str) -> None:
    plan = compile_query("select n, ServiceName from charges", tables, NOW, engine)
    for limits in (Limits(rows=1499, bytes=10_000_000), Limits(rows=1500, bytes=10_000)):
        with pytest.raises(OnyxError) as caught:
            run(plan, limits, {})
        assert caught.value.code == "RESULT_TOO_LARGE"
    assert run(plan, Limits(rows=1500, bytes=10_000_000), {}).row_count == 1500


def test_an_empty_table_answers_with_its_columns(engine: str) -> None:
    columns = (Column("c", "decimal(38,18)"), Column("m", "map(varchar, varchar)"), Column("t", "timestamp"))
    plan = compile_query("select c, m['k'] k, t, m from t", {"t": Table("t", columns)}, NOW, engine)
    answer = run(plan, Limits(10, 10_000), {})
    assert (answer.rows, answer.row_count) == (b"[]", 0)
    assert [each.type for each in answer.columns] == [
        "decimal(38,18)",
        "varchar",
        "timestamp",
        "map(varchar, varchar)",
    ]


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("select cast(ServiceName as bigint) from charges", "INVALID_CAST"),
        ("select cast(RegionId as date) from charges", "INVALID_CAST"),
        ("select cast(RegionId as decimal(10, 2)) from charges", "INVALID_CAST"),
        ("select cast(' 5' as bigint)", "INVALID_CAST"),
        ("select cast(BilledCost * 1000000 as integer) from charges", "NUMERIC_OVERFLOW"),
        ("select regexp_like(RegionId, '(') from charges", "INVALID_PATTERN"),
        ("select n from charges where n = (select n from charges)", "SUBQUERY_ROWS"),
        ("select a.n from charges a where a.n = (select b.n from small b where b.m = a.m)", "SUBQUERY_ROWS"),
        ("select 1 / (m - m) from charges", "DIVISION_BY_ZERO"),
        ("select BilledCost % (m - m) from charges", "DIVISION_BY_ZERO"),
    ],
)
def test_what_fails_in_the_engine_has_a_code(sql: str, code: str, ask: Callable[[str], Answer]) -> None:
    with pytest.raises(OnyxError) as caught:
        ask(sql)
    assert caught.value.code == code
