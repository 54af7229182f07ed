"""Money: + - * / sum avg round and cast against Python's decimals; too large fails, never wraps."""

import json
from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal, localcontext
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.query_engine.adapters.engines import run
from services.query_engine.domain.answers import Answer, Limits
from services.query_engine.domain.front_door import compile_query
from services.query_engine.domain.tables import Column, FileGroup, Table
from shared.errors import OnyxError
from shared.money import exact_sum, money_text
from tests.fakes.query_engine import NOW

ULP = Decimal(1).scaleb(-18)
MONEY = pl.Decimal(38, 18)
COLUMNS = (Column("a", "decimal(38,18)"), Column("b", "decimal(38,18)"), Column("i", "bigint"))

# Whole and broken parts of every length; ties of half a unit of the last place among them.
amounts = st.one_of(
    st.decimals(-(10**9), 10**9, places=18, allow_nan=False),
    st.decimals(-(10**6), 10**6, places=2, allow_nan=False),
    st.sampled_from(["0.0000000005", "0.0000000015", "-1.0000000005", "1.000000001", "1e6", "0"]).map(
        Decimal
    ),
)


def even(value: Decimal) -> str:
    with localcontext(prec=100):
        return money_text(value.quantize(ULP, ROUND_HALF_EVEN))


def answers(folder: Path, rows: list[tuple[Decimal, Decimal, int]], sql: str, engine: str) -> list[list[str]]:
    frame = pl.DataFrame(
        {
            "a": pl.Series([row[0] for row in rows], dtype=MONEY),
            "b": pl.Series([row[1] for row in rows], dtype=MONEY),
            "i": pl.Series([row[2] for row in rows], dtype=pl.Int64),
        }
    )
    path = folder / "t.parquet"
    frame.write_parquet(path)
    table = Table("t", COLUMNS, (FileGroup((str(path),), COLUMNS),))
    answer = run(compile_query(sql, {"t": table}, NOW, engine), Limits(10_000, 10_000_000), {})
    return [list(row.values()) for row in json.loads(answer.rows)]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(amounts, amounts, st.integers(-1000, 1000)), min_size=1, max_size=30))
def test_row_by_row(rows: list[tuple[Decimal, Decimal, int]], tmp_path: Path, engine: str) -> None:
    found = answers(
        tmp_path, rows, "select a*b, a+b, a-b, a*i, a*1.07, a*0.000000000000000003 from t", engine
    )
    with localcontext(prec=100):
        assert found == [
            [
                even(a * b),
                even(a + b),
                even(a - b),
                even(a * i),
                even(a * Decimal("1.07")),
                even(a * 3 * ULP),
            ]
            for a, b, i in rows
        ]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(amounts, amounts, st.integers(-1000, 1000)), min_size=1, max_size=30))
def test_quotients_and_roundings(
    rows: list[tuple[Decimal, Decimal, int]], tmp_path: Path, engine: str
) -> None:
    rows = [(a, b if abs(b) > 1 else b + 3, i or 7) for a, b, i in rows]
    found = answers(
        tmp_path, rows, "select a/b, a/i, i/b, round(a, 2), cast(a as decimal(38, 3)) from t", engine
    )
    with localcontext(prec=100):
        assert found == [
            [
                even(a / b),
                even(a / i),
                even(i / b),
                money_text(a.quantize(Decimal("0.01"), ROUND_HALF_UP)),
                money_text(a.quantize(Decimal("0.001"), ROUND_HALF_UP)),
            ]
            for a, b, i in rows
        ]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(amounts, amounts, st.integers(-1000, 1000)), min_size=1, max_size=30))
def test_aggregates(rows: list[tuple[Decimal, Decimal, int]], tmp_path: Path, engine: str) -> None:
    found = answers(
        tmp_path, rows, "select sum(a), avg(a), sum(a*b), sum(i), max(a), sum(a)*2 from t", engine
    )
    with localcontext(prec=100):
        total = exact_sum(a for a, _, _ in rows)
        products = exact_sum((a * b).quantize(ULP, ROUND_HALF_EVEN) for a, b, _ in rows)
        assert found == [
            [
                money_text(total),
                even(total / len(rows)),
                money_text(products),
                sum(i for _, _, i in rows),
                money_text(max(a for a, _, _ in rows)),
                money_text(total * 2),
            ]
        ]


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("select a*b from t", "NUMERIC_OVERFLOW"),
        ("select a+a from t", "NUMERIC_OVERFLOW"),
        ("select sum(a) from (select a from t union all select a from t) x", "NUMERIC_OVERFLOW"),
        ("select a/0.000000001 from t", "NUMERIC_OVERFLOW"),
        ("select i*i*i from t", "NUMERIC_OVERFLOW"),
        ("select i+i from t", "NUMERIC_OVERFLOW"),
        ("select sum(i) from (select i from t union all select i from t) x", "NUMERIC_OVERFLOW"),
        ("select cast(a as decimal(10, 2)) from t", "NUMERIC_OVERFLOW"),
        ("select cast(a as bigint) from t", "NUMERIC_OVERFLOW"),
        ("select a/(i-i) from t", "DIVISION_BY_ZERO"),
        ("select i/(i-i) from t", "DIVISION_BY_ZERO"),
        ("select i%(i-i) from t", "DIVISION_BY_ZERO"),
        ("select 1/0", "DIVISION_BY_ZERO"),
    ],
)
def test_what_does_not_fit_fails(sql: str, code: str, tmp_path: Path, engine: str) -> None:
    huge = Decimal("99999999999999999999.999999999999999999")
    with pytest.raises(OnyxError) as caught:
        answers(tmp_path, [(huge, huge, 2**63 - 1)], sql, engine)
    assert caught.value.code == code


def test_a_branch_that_is_not_taken_does_not_fail(ask: Callable[[str], Answer]) -> None:
    sql = """select case when m = 1 then null else n / (m - 1) end q, if(m = 1, 0.0, BilledCost / (m - 1)) p,
             case when regexp_like(RegionId, '^[0-9]+$') then cast(RegionId as bigint) end i from charges"""
    assert ask(sql).row_count == 1500
    with pytest.raises(OnyxError, match="zero"):
        ask("select n / (m - 1) from charges")


def test_averages_stay_decimals_through_a_subquery(ask: Callable[[str], Answer]) -> None:
    answer = ask("select x * 2 y, x / 3 z from (select avg(BilledCost) x from charges) t")
    assert [each.type for each in answer.columns] == ["decimal(38,18)", "decimal(38,18)"]
    assert [each.type for each in ask("select F * BilledCost, F + n from charges").columns] == [
        "double",
        "double",
    ]
