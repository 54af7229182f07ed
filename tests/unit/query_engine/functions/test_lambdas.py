"""Functions of functions, against the examples of trino.io/docs/current/functions/lambda.html and array.html."""
# One example a line reads better than one that is broken for its length.
# ruff: noqa: E501

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

EXAMPLES: list[tuple[str, Any]] = [
    ("transform(ARRAY[5, 6], x -> x + 1)", [6, 7]),
    ("transform(ARRAY[5, NULL, 6], x -> coalesce(x, 0) + 1)", [6, 1, 7]),
    ("transform(ARRAY['x', 'abc', 'z'], x -> x || '0')", ["x0", "abc0", "z0"]),
    ("transform(ARRAY[ARRAY[1, NULL, 2], ARRAY[3, NULL]], a -> filter(a, x -> x IS NOT NULL))", [[1, 2], [3]]),
    ("transform(ARRAY[1.5, 2], x -> x / 3)", [Decimal("0.5"), Decimal("0.666666666666666667")]),
    ("filter(ARRAY[5, -6, NULL, 7], x -> x > 0)", [5, 7]),
    ("filter(ARRAY[5, NULL, 7, NULL], x -> x IS NOT NULL)", [5, 7]),
    ("filter(CAST(NULL AS array(bigint)), x -> x > 0)", None),
    ("reduce(ARRAY[5, 20, 50], 0, (s, x) -> s + x, s -> s)", 75),
    ("reduce(ARRAY[5, 20, NULL, 50], 0, (s, x) -> s + coalesce(x, 0), s -> s)", 75),
    ("reduce(ARRAY[5, 20, NULL, 50], 0, (s, x) -> IF(x IS NULL, s, s + x), s -> s)", 75),
    ("reduce(ARRAY[5, 20, NULL, 50], 0, (s, x) -> s + x, s -> s)", None),
    ("reduce(CAST(ARRAY[] AS array(bigint)), 0, (s, x) -> s + x, s -> s)", 0),
    ("reduce(ARRAY[1.55, 2.5], 0.0, (s, x) -> s + x, s -> s * 2.5)", Decimal("10.125")),
    ("reduce(ARRAY['a', 'b'], '', (s, x) -> s || x, s -> upper(s))", "AB"),
    ("any_match(ARRAY[1, 2], x -> x > 1)", True),
    ("any_match(ARRAY[1, NULL], x -> x > 1)", None),
    ("any_match(CAST(ARRAY[] AS array(bigint)), x -> x > 1)", False),
    ("all_match(ARRAY[1, 2], x -> x > 0)", True),
    ("all_match(ARRAY[1, NULL], x -> x > 0)", None),
    ("all_match(ARRAY[-1, NULL], x -> x > 0)", False),
    ("none_match(ARRAY[1], x -> x > 1)", True),
    ("zip_with(ARRAY[1, 3, 5], ARRAY['a', 'b', 'c'], (x, y) -> CAST(x AS varchar) || y)", ["1a", "3b", "5c"]),
    ("zip_with(ARRAY[1, 2], ARRAY[3], (x, y) -> coalesce(y, x))", [3, 2]),
    ("map_filter(MAP(ARRAY[10, 20, 30], ARRAY['a', NULL, 'c']), (k, v) -> v IS NOT NULL)", {10: "a", 30: "c"}),
    ("map_filter(MAP(ARRAY['k1', 'k2'], ARRAY[20, 3]), (k, v) -> v > 10)", {"k1": 20}),
    ("transform_values(MAP(ARRAY['a', 'b'], ARRAY[1, 2]), (k, v) -> k || CAST(v AS varchar))", {"a": "a1", "b": "b2"}),
    ("map_filter(MAP(ARRAY['a'], ARRAY[ARRAY[1, 1]]), (k, v) -> cardinality(array_distinct(v)) = 1)", {"a": [1, 1]}),
    ("map_keys(map_filter(MAP(ARRAY['a', 'b'], ARRAY[1, 2]), (k, v) -> cardinality(map_filter(MAP(ARRAY['a'], ARRAY[1]), (x, y) -> x = k)) = 1))", ["a"]),
    ("zip_with(ARRAY[1, 2], ARRAY[3, 4], (x, y) -> reduce(zip_with(ARRAY[x, x], ARRAY[y, y], (p, q) -> p * q + x), 0, (s, e) -> s + e, s -> s))", [8, 20]),
    ("transform_keys(MAP(ARRAY['a'], ARRAY[1]), (k, v) -> upper(k))", {"A": 1}),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "expected"), EXAMPLES, ids=[each for each, _ in EXAMPLES])
def test_example(expression: str, expected: Any, value: Callable[[str], Any]) -> None:
    assert value(expression) == expected


def test_a_lambda_reads_columns_of_the_row_around(rows: Callable[[str], Any]) -> None:
    sql = "SELECT count(*) FROM charges WHERE transform(ARRAY[1, 2], x -> x * M)[2] <> 2 * M"
    assert rows(sql) == [(0,)]


def test_a_sum_by_lambda_is_the_sum(rows: Callable[[str], Any]) -> None:
    sql = """SELECT reduce(array_agg(BilledCost), CAST(0 AS decimal(38, 18)), (s, x) -> s + coalesce(x, 0), s -> s)
             = sum(BilledCost) FROM charges"""
    assert rows(sql) == [(True,)]


@pytest.mark.parametrize(
    "expression",
    [
        "x -> x",
        "transform(ARRAY[1], onyx_e -> onyx_e)",
        "abs(x -> x)",
        "transform(x -> x, ARRAY[1])",
        "transform(ARRAY[1], x -> (SELECT max(N) FROM charges))",
        "transform(ARRAY[1], x -> sum(x))",
        "filter(ARRAY[1], (x, y) -> true)",
        "reduce(ARRAY[1], 0, s -> s, s -> s)",
        "transform(ARRAY[1], 1)",
    ],
)
def test_a_lambda_out_of_place_is_refused(expression: str, code: Callable[[str], str]) -> None:
    assert code(expression) in ("UNSUPPORTED_SQL", "UNSUPPORTED_FUNCTION", "SQL_SYNTAX")
