"""Binding of files, the text of values, limits, and what the engine itself could reach if it were let."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from services.query_engine.adapters.engines import run
from services.query_engine.adapters.result_json import json_rows
from services.query_engine.domain.answers import Answer, Limits
from services.query_engine.domain.front_door import compile_query
from services.query_engine.domain.tables import Column, FileGroup, Table, union_columns
from shared.errors import OnyxError
from tests.fakes.query_engine import NOW


def test_values_are_written_exactly() -> None:
    frame = pl.DataFrame(
        {
            "d": pl.Series([Decimal("14.66598547521"), Decimal(13), None], dtype=pl.Decimal(38, 18)),
            "t": pl.Series(
                [datetime(2026, 9, 1, 1, 2, 3, 4000, UTC), None, datetime(2024, 2, 29, tzinfo=UTC)]
            ),
            "i": [2**63 - 1, -1, 0],
            "f": [0.1, float("nan"), float("-inf")],
            "s": ['a"\n\u2028', "é", None],
            "m": pl.Series([{"k": "v"}, {}, None], dtype=pl.Map(pl.String, pl.String)),
            "b": [True, False, None],
        }
    )
    text = json_rows(frame, 10_000).decode()
    assert '"d":"14.66598547521"' in text
    assert '"d":"13"' in text
    assert '"i":9223372036854775807' in text
    assert json.loads(text) == [
        {
            "d": "14.66598547521",
            "t": "2026-09-01T01:02:03.004000Z",
            "i": 2**63 - 1,
            "f": 0.1,
            "s": 'a"\n\u2028',
            "m": {"k": "v"},
            "b": True,
        },
        {"d": "13", "t": None, "i": -1, "f": "NaN", "s": "é", "m": {}, "b": False},
        {"d": None, "t": "2024-02-29T00:00:00Z", "i": 0, "f": "-Infinity", "s": None, "m": None, "b": None},
    ]


def test_bills_with_other_columns_are_united_and_their_zones_are_utc(tmp_path: Path) -> None:
    pl.DataFrame({"A": [1], "Seen": [datetime(2026, 9, 1, tzinfo=UTC)]}).write_parquet(tmp_path / "1.parquet")
    pl.DataFrame({"b": ["x"], "a": [2]}).write_parquet(tmp_path / "2.parquet")
    first = (Column("A", "bigint"), Column("Seen", "timestamp with time zone"))
    second = (Column("b", "string"), Column("a", "long"))
    groups = (
        FileGroup((str(tmp_path / "1.parquet"),), first),
        FileGroup((str(tmp_path / "2.parquet"),), second),
    )
    table = Table("t", union_columns(first, second), groups)
    answer = run(compile_query("select * from t order by a", {"t": table}, NOW), Limits(10, 10_000), {})
    assert json.loads(answer.rows) == [
        {"A": 1, "Seen": "2026-09-01T00:00:00Z", "b": None},
        {"A": 2, "Seen": None, "b": "x"},
    ]
    assert [each.type for each in answer.columns] == ["bigint", "timestamp", "varchar"]


def test_a_column_that_was_published_and_is_not_in_the_file_is_an_error(tmp_path: Path) -> None:
    pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "1.parquet")
    columns = (Column("a", "bigint"), Column("b", "varchar"))
    table = Table("t", columns, (FileGroup((str(tmp_path / "1.parquet"),), columns),))
    with pytest.raises(OnyxError) as caught:
        run(compile_query("select a, b from t", {"t": table}, NOW), Limits(10, 10_000), {})
    assert caught.value.code == "LAKE_INCONSISTENT"


def test_a_file_that_is_gone_is_an_error(tmp_path: Path) -> None:
    columns = (Column("a", "bigint"),)
    table = Table("t", columns, (FileGroup((str(tmp_path / "gone.parquet"),), columns),))
    with pytest.raises(OnyxError) as caught:
        run(compile_query("select a from t", {"t": table}, NOW), Limits(10, 10_000), {})
    assert caught.value.code == "LAKE_UNAVAILABLE"
    assert str(tmp_path) not in caught.value.detail


def test_file_names_are_no_patterns(tmp_path: Path) -> None:
    pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "1.parquet")
    columns = (Column("a", "bigint"),)
    table = Table("t", columns, (FileGroup((str(tmp_path / "*.parquet"),), columns),))
    with pytest.raises(OnyxError):
        run(compile_query("select a from t", {"t": table}, NOW), Limits(10, 10_000), {})


def test_rows_and_bytes_are_limited(ask: Callable[[str], Answer], tables: dict[str, Table]) -> None:
    plan = compile_query("select n, ServiceName from charges", tables, NOW)
    for limits in (Limits(rows=1499, bytes=10_000_000), Limits(rows=1500, bytes=10_000)):
        with pytest.raises(OnyxError) as caught:
            run(plan, limits, {})
        assert caught.value.code == "RESULT_TOO_LARGE"
    assert run(plan, Limits(rows=1500, bytes=10_000_000), {}).row_count == 1500


def test_an_empty_table_answers_with_its_columns() -> None:
    columns = (Column("c", "decimal(38,18)"), Column("m", "map(varchar, varchar)"), Column("t", "timestamp"))
    plan = compile_query("select c, m['k'] k, t, m from t", {"t": Table("t", columns)}, NOW)
    answer = run(plan, Limits(10, 10_000), {})
    assert (answer.rows, answer.row_count) == (b"[]", 0)
    assert [each.type for each in answer.columns] == [
        "decimal(38,18)",
        "varchar",
        "timestamp",
        "map(varchar, varchar)",
    ]


@pytest.mark.parametrize("function", ["read_parquet", "read_csv", "read_json", "read_ndjson"])
def test_what_polars_would_read_by_itself_never_gets_to_it(function: str, tmp_path: Path) -> None:
    """The first half shows that the danger is real, the second that the front door ends it."""
    path = tmp_path / "secret"
    frame = pl.DataFrame({"a": [1]})
    {
        "read_parquet": frame.write_parquet,
        "read_csv": frame.write_csv,
        "read_json": frame.write_ndjson,
        "read_ndjson": frame.write_ndjson,
    }[function](path)
    sql = f"select * from {function}('{path}')"
    assert pl.SQLContext(eager=True).execute(sql).rows() == [(1,)]
    table = {"t": Table("t", (Column("a", "bigint"),))}
    for attack in (
        sql,
        f"select * from t, {function}('{path}')",
        f"select (select a from {function}('{path}')) from t",
        f"with x as (select * from {function}('{path}')) select 1 from t",
        f"select a from t where a in (select a from {function}('{path}'))",
        f"select a from t union select a from {function}('{path}')",
        f'select * from "{path}"',
        f"select * from '{path}'",
    ):
        with pytest.raises(OnyxError) as caught:
            compile_query(attack, table, NOW)
        assert caught.value.code == "UNKNOWN_TABLE"


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("select cast(ServiceName as bigint) from charges", "INVALID_CAST"),
        ("select cast(RegionId as date) from charges", "INVALID_CAST"),
        ("select regexp_like(RegionId, '(') from charges", "INVALID_PATTERN"),
        ("select n from charges where n = (select n from charges)", "SUBQUERY_ROWS"),
        ("select max(BilledCost) over (order by Day rows between 2 preceding and current row) from charges",
         "UNSUPPORTED_SQL"),
        ("with x as (select a.n from charges a, charges b limit 70000) select count(*) from x l, x r",
         "QUERY_MEMORY"),
    ],
)  # fmt: skip
def test_what_fails_in_the_engine_has_a_code(sql: str, code: str, ask: Callable[[str], Answer]) -> None:
    with pytest.raises(OnyxError) as caught:
        ask(sql)
    assert caught.value.code == code
