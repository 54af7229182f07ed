"""GROUPING SETS, ROLLUP and CUBE, against trino.io/docs/current/sql/select.html, over demo rows."""

from collections.abc import Callable
from typing import Any

ROWS = "(VALUES ('x', 'p', 1), ('x', 'q', 2), ('y', 'p', 4)) AS t(a, b, n)"


def test_grouping_sets(rows: Callable[[str], Any]) -> None:
    sql = f"""SELECT a, b, sum(n), grouping(a, b) g FROM {ROWS}
              GROUP BY GROUPING SETS ((a, b), (a), ()) ORDER BY g, a, b"""
    assert rows(sql) == [
        ("x", "p", 1, 0), ("x", "q", 2, 0), ("y", "p", 4, 0),
        ("x", None, 3, 1), ("y", None, 4, 1), (None, None, 7, 3),
    ]  # fmt: skip


def test_rollup_and_cube(rows: Callable[[str], Any]) -> None:
    sql = f"SELECT a, b, sum(n) FROM {ROWS} GROUP BY {{}} ORDER BY a, b"
    rollup = [("x", "p", 1), ("x", "q", 2), ("x", None, 3), ("y", "p", 4), ("y", None, 4), (None, None, 7)]
    assert rows(sql.format("ROLLUP (a, b)")) == rollup
    cube = [*rollup[:5], (None, "p", 5), (None, "q", 2), (None, None, 7)]
    assert rows(sql.format("CUBE (a, b)")) == cube
    assert rows(sql.format("a, ROLLUP (b)")) == rollup[:5]


def test_an_average_of_money_stays_exact_in_each_set(rows: Callable[[str], Any]) -> None:
    sql = """SELECT avg(BilledCost) = sum(BilledCost) / count(BilledCost) FROM charges
             GROUP BY GROUPING SETS ((ServiceName), ())"""
    assert set(rows(sql)) == {(True,)}


def test_a_column_outside_the_sets_is_refused(code: Callable[[str], str]) -> None:
    assert code(f"n FROM {ROWS} GROUP BY ROLLUP (a)") == "NOT_GROUPED"
