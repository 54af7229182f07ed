"""Arrays, against the examples of trino.io/docs/current/functions/array.html, and nulls."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

EXAMPLES: list[tuple[str, Any]] = [
    ("ARRAY[1, 2, 3][2]", 2),
    ("ARRAY['a', 'b'][NULL]", None),
    ("CAST(NULL AS array(bigint))[1]", None),
    ("element_at(ARRAY[1, 2, 3], 1)", 1),
    ("element_at(ARRAY[1, 2, 3], -1)", 3),
    ("element_at(ARRAY[1, 2, 3], 4)", None),
    ("ARRAY[1] || ARRAY[2]", [1, 2]),
    ("ARRAY[1] || 2", [1, 2]),
    ("2 || ARRAY[1]", [2, 1]),
    ("ARRAY[1] || CAST(NULL AS array(bigint))", None),
    ("concat(ARRAY[1], ARRAY[2], ARRAY[3])", [1, 2, 3]),
    ("cardinality(ARRAY[1, NULL])", 2),
    ("cardinality(ARRAY[])", 0),
    ("cardinality(NULL)", None),
    ("contains(ARRAY[1, 2], 2)", True),
    ("contains(ARRAY[1, 2], 3)", False),
    ("contains(ARRAY[1, NULL], 3)", None),
    ("contains(ARRAY[1, NULL], 1)", True),
    ("contains(ARRAY[1], NULL)", None),
    ("contains(ARRAY[1.005], 1.00)", False),
    ("array_distinct(ARRAY[1, NULL, 1, NULL, 2])", [1, None, 2]),
    ("array_intersect(ARRAY[1, 2, 2, NULL], ARRAY[2, 3, NULL])", [2, None]),
    ("array_union(ARRAY[1, 2], ARRAY[2, 3])", [1, 2, 3]),
    ("array_except(ARRAY[1, 2, 1], ARRAY[2])", [1]),
    ("array_join(ARRAY[1, NULL, 3], ',')", "1,3"),
    ("array_join(ARRAY['a', NULL], ',', 'x')", "a,x"),
    ("array_join(ARRAY[], ',')", ""),
    ("array_join(CAST(NULL AS array(varchar)), ',')", None),
    ("array_max(ARRAY[1, 5])", 5),
    ("array_max(ARRAY[1, NULL])", None),
    ("array_min(ARRAY[2.5, 1])", Decimal(1)),
    ("array_position(ARRAY['a', 'b'], 'b')", 2),
    ("array_position(ARRAY['a'], 'z')", 0),
    ("array_remove(ARRAY[1, NULL, 2, 1], 1)", [None, 2]),
    ("array_sort(ARRAY[3, NULL, 1])", [1, 3, None]),
    ("arrays_overlap(ARRAY[1, 2], ARRAY[2, 3])", True),
    ("arrays_overlap(ARRAY[1, NULL], ARRAY[3])", None),
    ("arrays_overlap(ARRAY[1], ARRAY[3])", False),
    ("flatten(ARRAY[ARRAY[1], ARRAY[2, 3]])", [1, 2, 3]),
    ("repeat('x', 2)", ["x", "x"]),
    ("reverse(ARRAY[1, 2])", [2, 1]),
    ("sequence(1, 5)", [1, 2, 3, 4, 5]),
    ("sequence(5, 1)", [5, 4, 3, 2, 1]),
    ("sequence(1, 9, 3)", [1, 4, 7]),
    (
        "sequence(DATE '2024-02-28', DATE '2024-03-01')",
        [date(2024, 2, 28), date(2024, 2, 29), date(2024, 3, 1)],
    ),
    (
        "sequence(DATE '2026-01-31', DATE '2026-03-31', INTERVAL '1' MONTH)[1]",
        date(2026, 1, 31),
    ),
    ("slice(ARRAY[1, 2, 3, 4], 2, 2)", [2, 3]),
    ("slice(ARRAY[1, 2, 3, 4], -2, 2)", [3, 4]),
    ("slice(ARRAY[1, 2], 5, 1)", []),
    ("slice(ARRAY[1, 2], -5, 1)", []),
    ("trim_array(ARRAY[1, 2, 3, 4], 1)", [1, 2, 3]),
    ("zip(ARRAY[1, 2], ARRAY['1b', NULL])", [{"v1": 1, "v2": "1b"}, {"v1": 2, "v2": None}]),
    ("split('a/b/c', '/')", ["a", "b", "c"]),
    ("split('arn:aws:s3:::bucket', ':')[6]", "bucket"),
    ("split(NULL, '/')", None),
    ("CAST(ARRAY['1', '2'] AS array(bigint))", [1, 2]),
    ("CAST(ROW(1, 'x') AS row(a bigint, b varchar)).b", "x"),
    ("ROW(1, 'x')[2]", "x"),
    ("ARRAY[1.5, 2][1] * 1.1", Decimal("1.65")),
    ("(ARRAY[1.5] || 2.25)[2]", Decimal("2.25")),
    ("contains(CAST(ARRAY['1.00'] AS array(decimal(5, 2))), 1.005)", False),
    ("array_position(ARRAY[1.5], 1.50)", 1),
    ("array_remove(ARRAY[1.5, 2], 2)", [Decimal("1.5")]),
    ("ARRAY[7.0, 2][1] / 3", Decimal("2.333333333333333333")),
]


@pytest.mark.parametrize(("expression", "expected"), EXAMPLES, ids=[each for each, _ in EXAMPLES])
def test_example(expression: str, expected: Any, value: Callable[[str], Any]) -> None:
    assert value(expression) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("ARRAY[1, 2, 3][4]", "INVALID_ARGUMENT"),
        ("ARRAY[1, 2, 3][0]", "INVALID_ARGUMENT"),
        ("element_at(ARRAY[1], 0)", "INVALID_ARGUMENT"),
        ("slice(ARRAY[1], 0, 1)", "INVALID_ARGUMENT"),
        ("sequence(1, 20000)", "INVALID_ARGUMENT"),
        ("sequence(1, 5, -1)", "INVALID_ARGUMENT"),
        ("sequence(1, 100000000000)", "INVALID_ARGUMENT"),
        ("N[1] FROM charges", "TYPE_MISMATCH"),
        ("array_sort(ARRAY[1], (x, y) -> x - y)", "UNSUPPORTED_FUNCTION"),
        ("cardinality(1)", "TYPE_MISMATCH"),
        ("cardinality()", "UNSUPPORTED_SQL"),
        ("shuffle(ARRAY[1])", "UNSUPPORTED_FUNCTION"),
    ],
)
def test_what_fails_or_is_refused(expression: str, expected: str, code: Callable[[str], str]) -> None:
    assert code(expression) == expected


def test_an_element_beyond_the_end_is_null_within_try(value: Callable[[str], Any]) -> None:
    assert value("try(ARRAY[1, 2][5])") is None


def test_columns_take_part(rows: Callable[[str], Any]) -> None:
    sql = "SELECT DISTINCT split(RegionId, '-')[1] FROM charges WHERE RegionId <> 'global' ORDER BY 1"
    assert rows(sql) == [("eu",), ("us",)]
