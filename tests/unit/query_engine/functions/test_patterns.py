"""Patterns, against the examples of trino.io/docs/current/functions/regexp.html."""

from collections.abc import Callable
from typing import Any

import pytest

EXAMPLES: list[tuple[str, Any]] = [
    (r"regexp_count('1a 2b 14m', '\s*[a-z]+\s*')", 3),
    (r"regexp_extract_all('1a 2b 14m', '\d+')", ["1", "2", "14"]),
    (r"regexp_extract_all('1a 2b 14m', '(\d+)([a-z]+)', 2)", ["a", "b", "m"]),
    (r"regexp_extract('1a 2b 14m', '\d+')", "1"),
    (r"regexp_extract('1a 2b 14m', '(\d+)([a-z]+)', 2)", "a"),
    (r"regexp_extract('abc', '\d+')", None),
    (r"regexp_extract('ac', 'a(b)?c', 1)", None),
    (r"regexp_extract(NULL, '\d+')", None),
    (r"regexp_like('1a 2b 14m', '\d+b')", True),
    (r"regexp_like('abc', '^b')", False),
    (r"regexp_like(CAST(NULL AS varchar), 'a')", None),
    (r"regexp_replace('1a 2b 14m', '\d+[ab] ')", "14m"),
    (r"regexp_replace('1a 2b 14m', '(\d+)([ab]) ', '3c$2 ')", "3ca 3cb 14m"),
    (r"regexp_replace('a.b', '\.', '\$')", "a$b"),
    (r"regexp_split('1a 2b 14m', '\s*[a-z]+\s*')", ["1", "2", "14", ""]),
    (r"regexp_extract('arn:aws:ec2:us-east-1:1:instance/i-1', '(?i)INSTANCE/(?<id>.+)$', 1)", "i-1"),
]


@pytest.mark.parametrize(("expression", "expected"), EXAMPLES, ids=[each for each, _ in EXAMPLES])
def test_example(expression: str, expected: Any, value: Callable[[str], Any]) -> None:
    assert value(expression) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("regexp_extract('a', '(')", "INVALID_PATTERN"),
        ("regexp_extract('a', '[a')", "INVALID_PATTERN"),
        ("regexp_replace('a', '*')", "INVALID_PATTERN"),
        ("regexp_extract(RegionId, 'a**') FROM charges", "INVALID_PATTERN"),
        ("regexp_extract('a', 'a(?=b)')", "UNSUPPORTED_SQL"),
        ("regexp_extract('a', '(?<!b)a')", "UNSUPPORTED_SQL"),
        (r"regexp_extract('a', '(a)\1')", "UNSUPPORTED_SQL"),
        ("regexp_extract('a', 'a++')", "UNSUPPORTED_SQL"),
        ("regexp_extract('a', ServiceName) FROM charges", "UNSUPPORTED_SQL"),
        ("regexp_replace('a', 'a', '${name}')", "UNSUPPORTED_SQL"),
    ],
)
def test_what_fails_or_is_refused(expression: str, expected: str, code: Callable[[str], str]) -> None:
    assert code(expression) == expected
