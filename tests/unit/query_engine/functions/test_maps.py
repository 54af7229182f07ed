"""Maps, against the examples of trino.io/docs/current/functions/map.html. A missing key is null (ADR 0007)."""
# One example a line reads better than one that is broken for its length.
# ruff: noqa: E501

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

EXAMPLES: list[tuple[str, Any]] = [
    ("MAP(ARRAY['foo', 'bar'], ARRAY[1, 2])['bar']", 2),
    ("MAP(ARRAY['foo'], ARRAY[1])['none']", None),
    ("MAP(ARRAY[2, 4], ARRAY['a', 'b'])[4]", "b"),
    ("element_at(MAP(ARRAY['foo'], ARRAY[1]), 'none')", None),
    ("element_at(CAST(NULL AS map(varchar, bigint)), 'none')", None),
    ("MAP(ARRAY['a'], ARRAY[1.5])['a'] / 4", Decimal("0.375")),
    ("cardinality(MAP(ARRAY['a', 'b'], ARRAY[1, 2]))", 2),
    ("map_keys(MAP(ARRAY['a', 'b'], ARRAY[1, 2]))", ["a", "b"]),
    ("map_values(MAP(ARRAY['a', 'b'], ARRAY[1, NULL]))", [1, None]),
    ("map_concat(MAP(ARRAY['a'], ARRAY[1]), MAP(ARRAY['a', 'b'], ARRAY[2, 3]))", {"a": 2, "b": 3}),
    ("map_from_entries(ARRAY[(1, 'x'), (2, 'y')])", {1: "x", 2: "y"}),
    ("map_from_entries(ARRAY[ROW(1, 'x')])", {1: "x"}),
    ("map_entries(MAP(ARRAY[1], ARRAY['x']))", [{"key": 1, "value": "x"}]),
    ("split_to_map('a=1,b=2', ',', '=')", {"a": "1", "b": "2"}),
    ("CAST(MAP(ARRAY['a'], ARRAY['1']) AS map(varchar, bigint))", {"a": 1}),
]


@pytest.mark.parametrize(("expression", "expected"), EXAMPLES, ids=[each for each, _ in EXAMPLES])
def test_example(expression: str, expected: Any, value: Callable[[str], Any]) -> None:
    assert value(expression) == expected


def test_a_column_of_tags_is_read_by_any_key(rows: Callable[[str], Any]) -> None:
    same = "SELECT count_if(Tags[lower('ENV')] IS DISTINCT FROM Tags['env']) FROM charges"
    assert rows(same) == [(0,)]
    assert rows("SELECT count(Tags[ServiceName]), count(*) FROM charges") == [(0, 1500)]
    nested = "SELECT count(t['env']) > 0 FROM (SELECT Tags AS t FROM charges)"
    assert rows(nested) == [(True,)]


def test_a_map_is_no_key(code: Callable[[str], str]) -> None:
    assert code("count(*) FROM charges GROUP BY Tags") in ("UNSUPPORTED_SQL", "TYPE_MISMATCH")
