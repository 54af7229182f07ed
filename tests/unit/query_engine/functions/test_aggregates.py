"""Aggregates, against trino.io/docs/current/functions/aggregate.html, over rows written out and demo rows."""
# One example a line reads better than one that is broken for its length.
# ruff: noqa: E501

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

ROWS = """(VALUES ('a', 1, 10.5, true), ('b', 2, NULL, true), (NULL, 3, 20.25, NULL), ('a', 4, 5, false))
          AS t(k, n, d, f)"""
EXAMPLES: list[tuple[str, Any]] = [
    ("max_by(k, n)", "a"),
    ("max_by(k, d)", None),
    ("min_by(k, n)", "a"),
    ("min_by(n, d)", 4),
    ("max_by(n, d, 2)", [3, 1]),
    ("min_by(k, n, 2)", ["a", "b"]),
    ("max_by(n, d) FILTER (WHERE d < 20)", 1),
    ("max_by(n, d, 1) FILTER (WHERE d < 20)", [1]),
    ("max_by(n, d) FILTER (WHERE n > 9)", None),
    ("max_by(d, n) * 1.5", Decimal("7.5")),
    ("array_agg(n ORDER BY n DESC)", [4, 3, 2, 1]),
    ("array_agg(k ORDER BY n)", ["a", "b", None, "a"]),
    ("array_agg(DISTINCT k)", ["a", "b", None]),
    ("array_agg(n ORDER BY n) FILTER (WHERE n > 2)", [3, 4]),
    ("array_agg(n) FILTER (WHERE n > 9)", None),
    ("array_join(array_agg(DISTINCT k), ', ')", "a, b"),
    ("array_agg(d ORDER BY n)[1] / 3", Decimal("3.5")),
    ("set_agg(k)", ["a", "b", None]),
    ("approx_percentile(n, 0.5)", 2),
    ("approx_percentile(n, ARRAY[0.25, 0.75])", [1, 3]),
    ("approx_percentile(d, 1.0)", Decimal("20.25")),
    ("approx_percentile(n, 0.5) FILTER (WHERE n > 9)", None),
    ("approx_distinct(k)", 2),
    ("approx_distinct(k, 0.0115)", 2),
    ("map_agg(k, n)", {"a": 1, "b": 2}),
    ("map_agg(k, n) FILTER (WHERE n > 9)", None),
    ("multimap_agg(k, n)", {"a": [1, 4], "b": [2]}),
    ("histogram(k)", {"a": 2, "b": 1}),
    ("bool_and(f)", False),
    ("bool_or(f)", True),
    ("every(f)", False),
    ("bool_and(f) FILTER (WHERE n > 9)", None),
    ("geometric_mean(n)", 24 ** (1 / 4)),
    ("stddev_pop(n)", 1.25**0.5),
    ("var_pop(n)", 1.25),
    ("corr(n, n)", 1.0),
    ("covar_pop(n, n)", 1.25),
    ("covar_samp(n, n)", 5 / 3),
    ("regr_slope(2 * n + 1, n)", 2.0),
    ("regr_intercept(2 * n + 1, n)", 1.0),
    ("bitwise_and_agg(n)", 0),
    ("bitwise_or_agg(n)", 7),
    ("listagg(k, ',') WITHIN GROUP (ORDER BY n)", "a,b,a"),
    ("listagg(k) WITHIN GROUP (ORDER BY n DESC)", "aba"),
    ("listagg(DISTINCT k, ',') WITHIN GROUP (ORDER BY k)", "a,b"),
    ("sum(DISTINCT length(k))", 1),
    ("count(DISTINCT k)", 2),
    ("arbitrary(f) FILTER (WHERE n = 1)", True),
]


@pytest.mark.parametrize(("expression", "expected"), EXAMPLES, ids=[each for each, _ in EXAMPLES])
def test_example(expression: str, expected: Any, value: Callable[[str], Any]) -> None:
    found = value(f"{expression} FROM {ROWS}")
    assert found == (pytest.approx(expected) if isinstance(expected, float) else expected)


def test_a_percentile_of_money_is_one_of_the_amounts(rows: Callable[[str], Any]) -> None:
    sql = """SELECT approx_percentile(BilledCost, 0.9) IN (SELECT BilledCost FROM charges) AS one,
             count_if(BilledCost <= p) * 10 >= count(BilledCost) * 9 AS enough
             FROM charges, (SELECT approx_percentile(BilledCost, 0.9) AS p FROM charges) GROUP BY p"""
    assert rows(sql) == [(True, True)]


def test_aggregates_stand_over_windows(rows: Callable[[str], Any]) -> None:
    sql = f"SELECT n, array_agg(n) OVER (ORDER BY n), max_by(k, n) OVER (ORDER BY n) FROM {ROWS} ORDER BY n LIMIT 2"
    assert rows(sql) == [(1, [1], "a"), (2, [1, 2], "b")]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("approx_percentile(n, 2, 0.5)", "UNSUPPORTED_FUNCTION"),
        ("approx_percentile(n, 1.5)", "UNSUPPORTED_FUNCTION"),
        ("approx_percentile(k, 0.5)", "TYPE_MISMATCH"),
        ("max_by(DISTINCT k, n)", "UNSUPPORTED_SQL"),
        ("max_by(k)", "UNSUPPORTED_SQL"),
        ("bool_and(n)", "TYPE_MISMATCH"),
        ("k, array_agg(n)", "NOT_GROUPED"),
        ("n + max_by(n, n)", "NOT_GROUPED"),
    ],
)
def test_what_is_refused(expression: str, expected: str, code: Callable[[str], str]) -> None:
    assert code(f"{expression} FROM {ROWS}") == expected


def test_a_refusal_names_what_the_caller_wrote(rows: Callable[[str], Any]) -> None:
    with pytest.raises(Exception, match=r"max_by takes 2 to 3 arguments, not 1 \(line 1, column 8\)"):
        rows("SELECT max_by(N) FROM charges")
