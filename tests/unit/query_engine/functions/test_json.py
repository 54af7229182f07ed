"""JSON, against the examples of trino.io/docs/current/functions/json.html."""
# One example a line reads better than one that is broken for its length.
# ruff: noqa: E501

from collections.abc import Callable
from typing import Any

import pytest

STORE = """'{"store": {"book": [{"title": "A", "price": 8.95}, {"title": "B"}], "open now": true, "none": null}}'"""
EXAMPLES: list[tuple[str, Any]] = [
    (f"json_extract_scalar({STORE}, '$.store.book[0].title')", "A"),
    (f"""json_extract_scalar({STORE}, '$["store"]["open now"]')""", "true"),
    (f"json_extract_scalar({STORE}, '$.store.book[0].price')", "8.95"),
    (f"json_extract_scalar({STORE}, '$.store.book')", None),
    (f"json_extract_scalar({STORE}, '$.store.none')", None),
    (f"json_extract_scalar({STORE}, '$.nowhere.title')", None),
    ("json_extract_scalar('[1, 2, 3]', '$[2]')", "3"),
    ("json_extract_scalar('no json', '$.a')", None),
    ("json_extract_scalar(NULL, '$.a')", None),
    (f"json_format(json_extract({STORE}, '$.store.book[1]'))", '{"title":"B"}'),
    ("json_extract('{}', '$.a')", None),
    ("json_format(json_parse('[1, 2]'))", "[1,2]"),
    ("json_array_length('[1, 2, 3]')", 3),
    ("json_array_length('{}')", None),
    ("json_array_contains('[1, 2, 3]', 2)", True),
    ("""json_array_contains('["a"]', 'b')""", False),
    ("json_format(json_array_get('[\"a\", [3, 9]]', 1))", "[3,9]"),
    ("json_format(json_array_get('[\"a\", 7]', -1))", "7"),
    ("json_array_get('[]', 0)", None),
    ("""json_size('{"x": {"a": 1, "b": 2}}', '$.x')""", 2),
    ("""json_size('{"x": [1, 2, 3]}', '$.x')""", 3),
    ("""json_size('{"x": {"a": 1, "b": 2}}', '$.x.a')""", 0),
    ("json_size('{}', '$.x')", None),
    ("""json_value('{"a": {"b": "x"}}', 'lax $.a.b')""", "x"),
    ("""json_value('{"a": {}}', 'lax $.a')""", None),
    ("""json_query('{"a": [1, 2]}', 'lax $.a')""", "[1,2]"),
    ("""json_exists('{"a": 1}', 'lax $.a')""", True),
    ("""json_exists('{"a": 1}', 'lax $.b')""", False),
    ("is_json_scalar('1')", True),
    ("is_json_scalar('[1]')", False),
    ("""CAST(json_parse('{"a": "b"}') AS map(varchar, varchar))['a']""", "b"),
    ("""CAST(json_parse('["a", "b"]') AS array(varchar))[2]""", "b"),
    ("""CAST(json_parse('{"a": [1]}') AS map(varchar, json))['a']""", "[1]"),
    ("""CAST(json_parse('"x"') AS varchar)""", "x"),
    ("CAST(json_parse('12') AS bigint) + 1", 13),
    ("CAST(json_extract('{\"a\": 1.5}', '$.a') AS double)", 1.5),
    ("json_format(CAST(MAP(ARRAY['a'], ARRAY['b']) AS json))", '{"a":"b"}'),
    ("json_format(JSON '[1]')", "[1]"),
    ("try(json_parse('{bad'))", None),
]


@pytest.mark.parametrize(("expression", "expected"), EXAMPLES, ids=[each for each, _ in EXAMPLES])
def test_example(expression: str, expected: Any, value: Callable[[str], Any]) -> None:
    assert value(expression) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("json_parse('{bad')", "INVALID_CAST"),
        ("json_extract_scalar('{}', '$..a')", "UNSUPPORTED_FUNCTION"),
        ("json_extract_scalar('{}', '$.*')", "UNSUPPORTED_FUNCTION"),
        ("json_extract_scalar('{}', 'a')", "UNSUPPORTED_FUNCTION"),
        ("json_extract_scalar(1, '$.a')", "TYPE_MISMATCH"),
        ("json_parse('1')['a']", "UNSUPPORTED_SQL"),
    ],
)
def test_what_fails_or_is_refused(expression: str, expected: str, code: Callable[[str], str]) -> None:
    assert code(expression) == expected
