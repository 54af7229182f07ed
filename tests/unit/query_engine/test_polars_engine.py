"""The text of values, and what Polars itself could reach if it were let."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random

import polars as pl
import pytest

from services.query_engine.adapters.engines import RUNNERS, run
from services.query_engine.adapters.lake_files import LakeFiles
from services.query_engine.adapters.result_json import json_rows
from services.query_engine.domain.front_door import compile_query
from services.query_engine.domain.tables import Column, FileGroup, Table
from shared.errors import OnyxError
from tests.fakes.query_engine import NOW
from tests.unit.query_engine.conftest import LIMITS


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
        ("select max(BilledCost) over (order by Day rows between 2 preceding and current row) from charges",
         "UNSUPPORTED_SQL"),
        ("with x as (select a.n from charges a, charges b limit 70000) select count(*) from x l, x r",
         "QUERY_MEMORY"),
    ],
)  # fmt: skip
def test_what_fails_in_polars_alone_has_a_code(sql: str, code: str, tables: dict[str, Table]) -> None:
    with pytest.raises(OnyxError) as caught:
        run(compile_query(sql, tables, NOW), LIMITS, {})
    assert caught.value.code == code


def test_the_clock_of_a_moment_is_that_of_any_day(tmp_path: Path) -> None:
    """Before 1970, too, where a count of microseconds is below zero."""
    pick = Random(3)
    first = datetime(1900, 1, 1)  # noqa: DTZ001 - SQL timestamps have no zone
    moments = [first + timedelta(microseconds=pick.randrange(8 * 10**15)) for _ in range(2000)]
    path = tmp_path / "t.parquet"
    pl.DataFrame({"at": pl.Series([*moments, None], dtype=pl.Datetime("us"))}).write_parquet(path)
    columns = (Column("at", "timestamp"),)
    table = Table("t", columns, (FileGroup((str(path),), columns),), len(moments) + 1)
    sql = "SELECT at, hour(at) AS h, extract(minute FROM at) AS m, second(at) AS s FROM t ORDER BY at"
    plan = compile_query(sql, {"t": table}, NOW)
    found = RUNNERS[plan.engine](plan, 10_000, LakeFiles({})).rows()
    assert plan.engine == "polars"
    expected = [(each, each.hour, each.minute, each.second) for each in sorted(moments)]
    assert found == [*expected, (None, None, None, None)]
