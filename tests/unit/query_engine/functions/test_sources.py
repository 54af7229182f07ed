"""UNNEST and VALUES as tables, and spellings that have a plainer one, against trino.io/docs/current/sql/select.html."""
# One example a line reads better than one that is broken for its length.
# ruff: noqa: E501

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

NUMBERS = "(VALUES (1, ARRAY['a', 'b']), (2, ARRAY['c']), (3, NULL), (4, ARRAY[])) AS t(n, l)"
QUERIES: list[tuple[str, list[tuple[Any, ...]]]] = [
    (
        "SELECT a FROM (VALUES (1, 'x'), (2, 'y'), (3, NULL)) AS t(a, b) WHERE (a, b) IN (SELECT n, 'x' FROM (VALUES 1, 3) AS u(n))",
        [(1,)],
    ),
    (
        "SELECT a FROM (VALUES (1, 'x'), (2, 'y'), (3, NULL)) AS t(a, b) WHERE (a, b) NOT IN (SELECT n, 'x' FROM (VALUES 1, 3) AS u(n))",
        [(2,)],
    ),
    ("SELECT x FROM UNNEST(ARRAY[1, 2]) AS t(x) ORDER BY x", [(1,), (2,)]),
    (
        "SELECT a, b FROM UNNEST(ARRAY[1, 2], ARRAY['p', 'q', 'r']) AS t(a, b) ORDER BY b",
        [(1, "p"), (2, "q"), (None, "r")],
    ),
    (
        "SELECT k, v FROM UNNEST(MAP(ARRAY['a', 'b'], ARRAY[1, 2])) AS t(k, v) ORDER BY k",
        [("a", 1), ("b", 2)],
    ),
    (
        "SELECT x, o FROM UNNEST(ARRAY['a', 'b']) WITH ORDINALITY AS t(x, o) ORDER BY o DESC",
        [("b", 2), ("a", 1)],
    ),
    (
        "SELECT animal, m FROM UNNEST(ARRAY[ROW('cat', 'meow'), ROW('dog', 'woof')]) AS t(animal, m) ORDER BY 1",
        [("cat", "meow"), ("dog", "woof")],
    ),
    (f"SELECT n, x FROM {NUMBERS} CROSS JOIN UNNEST(l) AS u(x) ORDER BY n, x", [(1, "a"), (1, "b"), (2, "c")]),
    (f"SELECT n, x FROM {NUMBERS}, UNNEST(l) AS u(x) ORDER BY n, x", [(1, "a"), (1, "b"), (2, "c")]),
    (
        f"SELECT n, x, o FROM {NUMBERS} LEFT JOIN UNNEST(l) WITH ORDINALITY AS u(x, o) ON TRUE ORDER BY n, o",
        [(1, "a", 1), (1, "b", 2), (2, "c", 1), (3, None, None), (4, None, None)],
    ),
    ("SELECT x * 1.5 FROM UNNEST(ARRAY[1.5, 2]) AS t(x) ORDER BY 1", [(Decimal("2.25"),), (Decimal(3),)]),
    ("SELECT a, b FROM (VALUES (1, 'x'), (2, 'y')) AS t(a, b) ORDER BY a", [(1, "x"), (2, "y")]),
    ("SELECT x FROM (VALUES 1, 2) AS t(x) ORDER BY x", [(1,), (2,)]),
    ("WITH t(a) AS (VALUES 3, 4) SELECT sum(a) FROM t", [(7,)]),
    ("SELECT sum(x) FROM (VALUES 1.5, 2.255, NULL, 3) AS t(x)", [(Decimal("6.755"),)]),
    ("SELECT sum(x * x) FROM (VALUES (1.5), (2)) AS t(x)", [(Decimal("6.25"),)]),
    ("SELECT x FROM (VALUES 3, 1, 2) AS t(x) ORDER BY x FETCH FIRST 2 ROWS ONLY", [(1,), (2,)]),
    ("SELECT x FROM (VALUES 3, 1, 2) AS t(x) ORDER BY x OFFSET 1 ROW FETCH NEXT ROW ONLY", [(2,)]),
    ("SELECT x FROM (VALUES 3, 1, 2) AS t(x) ORDER BY x OFFSET 2 ROWS", [(3,)]),
    (
        "SELECT a FROM (VALUES (1, 'x'), (2, 'y'), (3, NULL)) AS t(a, b) WHERE (a, b) IN ((1, 'x'), (2, 'z'), (3, 'z'))",
        [(1,)],
    ),
    ("SELECT x FROM (VALUES 1, 2, 3) AS t(x) WHERE x > ALL (SELECT y FROM (VALUES 1, 2) AS u(y))", [(3,)]),
    ("SELECT x FROM (VALUES 1.005, 1) AS t(x) WHERE x > ALL (SELECT y FROM (VALUES 1.00) AS u(y))", [(Decimal("1.005"),)]),
    ("SELECT x FROM (VALUES 1, 2, 3) AS t(x) WHERE x = ANY (SELECT y FROM (VALUES 1, 5) AS u(y))", [(1,)]),
    ("SELECT x FROM (VALUES 1, 2) AS t(x) WHERE x <> ALL (SELECT y FROM (VALUES 1) AS u(y))", [(2,)]),
    ("SELECT x FROM (VALUES 1, 2) AS t(x) WHERE x < SOME (SELECT y FROM (VALUES 2) AS u(y))", [(1,)]),
    ("SELECT x FROM (VALUES 1, 2) AS t(x) INTERSECT SELECT y FROM (VALUES 2, 3) AS u(y)", [(2,)]),
    ("SELECT x FROM (VALUES 1, 2) AS t(x) EXCEPT SELECT y FROM (VALUES 2, 3) AS u(y)", [(1,)]),
    (
        "SELECT tag.k, count(*) > 0 FROM charges CROSS JOIN UNNEST(Tags) AS tag(k, v) GROUP BY tag.k",
        [("env", True)],
    ),
    (
        """SELECT count(*) FROM charges CROSS JOIN UNNEST(split(RegionId, '-')) AS part(p)
           WHERE p = 'west'""",
        [],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "expected"), QUERIES, ids=[each for each, _ in QUERIES])
def test_query(sql: str, expected: list[tuple[Any, ...]], rows: Callable[[str], Any]) -> None:
    found = rows(sql)
    assert found == expected if expected else found


def test_parts_of_a_text_are_counted_as_rows(rows: Callable[[str], Any]) -> None:
    sql = """SELECT count(*) = (SELECT sum(cardinality(split(RegionId, '-'))) FROM charges)
             FROM charges CROSS JOIN UNNEST(split(RegionId, '-')) AS part(p)"""
    assert rows(sql) == [(True,)]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT * FROM UNNEST(1) AS t(x)", "TYPE_MISMATCH"),
        ("SELECT * FROM UNNEST(ARRAY[1]) AS t(x, y)", "TYPE_MISMATCH"),
        (f"SELECT n FROM {NUMBERS} LEFT JOIN UNNEST(l) AS u(x) ON x = 'a'", "UNSUPPORTED_SQL"),
        (f"SELECT n FROM {NUMBERS} RIGHT JOIN UNNEST(l) AS u(x) ON TRUE", "UNSUPPORTED_SQL"),
        ("SELECT * FROM (VALUES (1, 2), (3)) AS t(a, b)", "SQL_SYNTAX"),
        ("SELECT x FROM (VALUES 1) AS t(x) FETCH FIRST 1 ROW WITH TIES", "UNSUPPORTED_SQL"),
    ],
)
def test_what_is_refused(sql: str, expected: str, code: Callable[[str], str]) -> None:
    assert code(sql) == expected
