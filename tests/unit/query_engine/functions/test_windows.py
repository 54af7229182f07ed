"""Windows, against trino.io/docs/current/functions/window.html."""
# One example a line reads better than one that is broken for its length.
# ruff: noqa: E501

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

ROWS = "(VALUES (1, 10, 1.5), (2, NULL, 2.25), (3, 30, NULL), (4, 40, 4)) AS t(n, v, d)"
EXAMPLES: list[tuple[str, list[Any]]] = [
    ("ntile(2) OVER (ORDER BY n)", [1, 1, 2, 2]),
    ("percent_rank() OVER (ORDER BY n)", [0.0, 1 / 3, 2 / 3, 1.0]),
    ("cume_dist() OVER (ORDER BY n)", [0.25, 0.5, 0.75, 1.0]),
    ("nth_value(v, 2) OVER (ORDER BY n)", [None, None, None, None]),
    ("nth_value(v, 2) IGNORE NULLS OVER (ORDER BY n)", [None, None, 30, 30]),
    ("lag(v, 1, 0) OVER (ORDER BY n)", [0, 10, None, 30]),
    ("lag(v) IGNORE NULLS OVER (ORDER BY n)", [None, 10, 10, 30]),
    ("lead(v) RESPECT NULLS OVER (ORDER BY n)", [None, 30, 40, None]),
    ("lead(d, 1, 0) OVER (ORDER BY n) * 2", [Decimal("4.5"), None, 8, 0]),
    ("first_value(v) IGNORE NULLS OVER (ORDER BY n DESC)", [40, 40, 40, 40]),
    ("last_value(v) IGNORE NULLS OVER (ORDER BY n)", [10, 10, 30, 40]),
    ("sum(v) OVER (ORDER BY n RANGE BETWEEN 1 PRECEDING AND CURRENT ROW)", [10, 10, 30, 70]),
    ("sum(d) OVER (ORDER BY n ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)",
     [Decimal("7.75"), Decimal("6.25"), 4, 4]),
    ("sum(v) OVER (ORDER BY DATE '2026-01-01' + INTERVAL '1' DAY RANGE INTERVAL '2' DAY PRECEDING)", [80] * 4),
    ("count(*) OVER w", [4, 4, 4, 4]),
    ("rank() OVER (w ORDER BY n)", [1, 2, 3, 4]),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "expected"), EXAMPLES, ids=[each for each, _ in EXAMPLES])
def test_example(expression: str, expected: list[Any], rows: Callable[[str], Any]) -> None:
    found = rows(f"SELECT n, {expression} AS x FROM {ROWS} WINDOW w AS (PARTITION BY 1 + 0) ORDER BY n")
    assert [each for _, each in found] == expected


@pytest.mark.parametrize(
    "expression",
    [
        "ntile(2)",
        "nth_value(v, 2)",
        "sum(v) IGNORE NULLS OVER (ORDER BY n)",
        "array_agg(v) IGNORE NULLS",
        "rank() OVER missing",
    ],
)
def test_what_is_refused(expression: str, code: Callable[[str], str]) -> None:
    assert code(f"{expression} FROM {ROWS}") in ("UNSUPPORTED_SQL", "SQL_SYNTAX")
