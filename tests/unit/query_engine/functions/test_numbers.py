"""Numbers, against trino.io/docs/current/functions/{math,bitwise,conditional}.html."""

import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

EXAMPLES: list[tuple[str, Any]] = [
    ("cbrt(27)", 3.0),
    ("log2(8)", 3.0),
    ("log10(1000)", 3.0),
    ("log(2, 8)", 3.0),
    ("e()", math.e),
    ("pi()", math.pi),
    ("degrees(pi())", 180.0),
    ("radians(180)", math.pi),
    ("sin(0) + cos(0) + tan(0)", 1.0),
    ("atan2(1, 1)", math.pi / 4),
    ("asin(1)", math.pi / 2),
    ("is_nan(asin(2))", True),
    ("is_nan(nan())", True),
    ("is_infinite(infinity())", True),
    ("is_finite(1.5)", True),
    ("cbrt(NULL)", None),
    ("mod(7, 3)", 1),
    ("mod(-7, 3)", -1),
    ("width_bucket(5, 0, 10, 5)", 3),
    ("width_bucket(-1, 0, 10, 5)", 0),
    ("width_bucket(10, 0, 10, 5)", 6),
    ("width_bucket(1, 10, 0, 5)", 5),
    ("bitwise_and(19, 25)", 17),
    ("bitwise_or(19, 25)", 27),
    ("bitwise_xor(19, 25)", 10),
    ("bitwise_not(-12)", 11),
    ("bitwise_left_shift(1, 2)", 4),
    ("bitwise_right_shift_arithmetic(-8, 1)", -4),
    ("from_base('ff', 16)", 255),
    ("to_base(255, 16)", "ff"),
    ("to_base(-255, 16)", "-ff"),
    ("try(1 / 0)", None),
    ("try(1.0 / 0)", None),
    ("try(CAST('abc' AS bigint))", None),
    ("try(9223372036854775807 + 1)", None),
    ("coalesce(try(1 / 0), 7)", 7),
    ("try(sum(1) / sum(0)) FROM (VALUES 1) AS t(x)", None),
    ("try(CAST(max(x) AS bigint)) FROM (VALUES 'a') AS t(x)", None),
    ("CAST(1.5 AS real)", 1.5),
    ("try(1.5 * 3)", Decimal("4.5")),
    ("1 IS DISTINCT FROM NULL", True),
    ("NULL IS NOT DISTINCT FROM NULL", True),
]


@pytest.mark.parametrize(("expression", "expected"), EXAMPLES, ids=[each for each, _ in EXAMPLES])
def test_example(expression: str, expected: Any, value: Callable[[str], Any]) -> None:
    found = value(expression)
    assert found == (pytest.approx(expected) if isinstance(expected, float) else expected)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("rand()", "UNSUPPORTED_FUNCTION"),
        ("random(10)", "UNSUPPORTED_FUNCTION"),
        ("from_base('zz', 16)", "INVALID_CAST"),
        ("width_bucket(1, 0, 0, 5)", "INVALID_ARGUMENT"),
        ("sin('a')", "TYPE_MISMATCH"),
        ("sin(1, 2)", "UNSUPPORTED_SQL"),
        ("bitwise_and(1.5, 1)", "TYPE_MISMATCH"),
    ],
)
def test_what_fails_or_is_refused(expression: str, expected: str, code: Callable[[str], str]) -> None:
    assert code(expression) == expected


def test_try_of_a_row_that_fails_leaves_the_others(rows: Callable[[str], Any]) -> None:
    sql = "SELECT count(try(N / (M - 5))) = count(N) FILTER (WHERE M <> 5) FROM charges"
    assert rows(sql) == [(True,)]
