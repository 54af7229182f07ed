"""Event patterns: AWS's documented examples, and any pattern against another implementation of them."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.workflow.domain.pattern_checks import MOST_DEPTH, MOST_VALUES, check
from services.workflow.domain.patterns import matches
from tests.fakes.workflow_patterns import DATA, NAMES, PATTERNS

eventbridge = pytest.importorskip("ministack.services.eventbridge")

DOCUMENTED = [
    ({"state": [{"prefix": "2017-10-02"}]}, {"state": "2017-10-02T22:00"}, True),
    ({"s": [{"prefix": {"equals-ignore-case": "EventB"}}]}, {"s": "EVENTBridge"}, True),
    ({"f": [{"suffix": ".png"}]}, {"f": "a.png"}, True),
    ({"f": [{"suffix": {"equals-ignore-case": ".png"}}]}, {"f": "a.PnG"}, True),
    ({"state": [{"anything-but": "initializing"}]}, {"state": "running"}, True),
    ({"state": [{"anything-but": ["stopped", "overloaded"]}]}, {"state": "stopped"}, False),
    ({"n": [{"anything-but": [100, 200, 300]}]}, {"n": 100}, False),
    ({"n": [{"anything-but": [100, 200, 300]}]}, {"n": 101}, True),
    ({"state": [{"anything-but": {"equals-ignore-case": ["stopped"]}}]}, {"state": "STOPPED"}, False),
    ({"state": [{"anything-but": {"prefix": "init"}}]}, {"state": "initializing"}, False),
    ({"state": [{"anything-but": {"prefix": ["init", "error"]}}]}, {"state": "stopped"}, True),
    ({"f": [{"anything-but": {"suffix": [".txt", ".rtf"]}}]}, {"f": "a.rtf"}, False),
    ({"f": [{"anything-but": {"wildcard": "*/lib/*"}}]}, {"f": "/usr/lib/x"}, False),
    ({"f": [{"anything-but": {"wildcard": ["*/lib/*", "*/bin/*"]}}]}, {"f": "/etc/x"}, True),
    ({"n": [{"numeric": [">", 0, "<=", 5]}], "m": [{"numeric": ["<", 10]}]}, {"n": 5, "m": 9}, True),
    ({"n": [{"numeric": ["=", 3.018e2]}]}, {"n": Decimal("301.8")}, True),
    ({"n": [{"numeric": ["=", 1]}]}, {"n": "1"}, False),
    ({"ip": [{"cidr": "10.0.0.0/24"}]}, {"ip": "10.0.0.255"}, True),
    ({"ip": [{"cidr": "10.0.0.0/24"}]}, {"ip": "10.0.1.0"}, False),
    ({"ip": [{"cidr": "2001:db8::/32"}]}, {"ip": "2001:db8::1"}, True),
    ({"state": [{"exists": True}]}, {"state": None}, True),
    ({"state": [{"exists": False}]}, {"other": 1}, True),
    ({"c": {"b": [{"exists": False}]}}, {"c": "text"}, True),
    ({"s": [{"equals-ignore-case": "alice"}]}, {"s": "ALICE"}, True),
    ({"p": [{"wildcard": "dir/*.png"}]}, {"p": "dir/sub/a.png"}, True),
    ({"p": [{"wildcard": "a\\*b"}]}, {"p": "a*b"}, True),
    ({"p": [{"wildcard": "a\\*b"}]}, {"p": "axb"}, False),
    ({"p": [{"wildcard": "ab*ba"}]}, {"p": "aba"}, False),
    ({"$or": [{"c": [{"numeric": [">", 0]}]}, {"d": ["x"]}], "e": [1]}, {"d": "x", "e": 1}, True),
    ({"$or": [{"c": [{"numeric": [">", 0]}]}, {"d": ["x"]}], "e": [1]}, {"c": 0, "e": 1}, False),
    ({"a": [""]}, {"a": ""}, True),
    ({"a": [None]}, {"a": None}, True),
    ({"a": [None]}, {}, False),
    ({"a": ["x", {"exists": False}]}, {}, True),
    ({"a": ["us-east-1"]}, {"a": ["eu-west-1", "us-east-1"]}, True),
    ({"a": {"x": [1], "y": [2]}}, {"a": [{"x": 1, "y": 3}, {"x": 0, "y": 2}]}, False),
    ({"a": [True]}, {"a": 1}, False),
    ({}, {"a": 1}, True),
]


@pytest.mark.parametrize(("pattern", "data", "expected"), DOCUMENTED)
def test_the_documented_examples(pattern: dict[str, Any], data: dict[str, Any], expected: bool) -> None:
    assert check(pattern) == []
    assert matches(pattern, data) is expected


def test_numbers_are_exact_where_doubles_are_equal() -> None:
    one, other = Decimal("0.1"), Decimal("0.1000000000000000000001")
    assert matches({"n": [one]}, {"n": one})
    assert not matches({"n": [one]}, {"n": other})
    assert matches({"n": [{"numeric": [">", one]}]}, {"n": other})


def test_a_pattern_of_many_stars_is_quick() -> None:
    pattern = {"p": [{"wildcard": "*a" * 60 + "*b"}]}
    assert not matches(pattern, {"p": "a" * 20_000})


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("text", ""),
        ({"a": "text"}, "a"),
        ({"a": []}, "a"),
        ({"a": {}}, "a"),
        ({"a": [["x"]]}, "a[0]"),
        ({"a": ["x", {"prefix": 1}]}, "a[1].prefix"),
        ({"a": [{"regex": ".*"}]}, "a[0].regex"),
        ({"a": [{"prefix": "x", "suffix": "y"}]}, "a[0]"),
        ({"a": [{"numeric": [">"]}]}, "a[0].numeric"),
        ({"a": [{"numeric": ["<", 5, ">", 0]}]}, "a[0].numeric"),
        ({"a": [{"numeric": [">", 5, "<", 5]}]}, "a[0].numeric"),
        ({"a": [{"numeric": [">", "5"]}]}, "a[0].numeric"),
        ({"a": [{"cidr": "10.0.0.1"}]}, "a[0].cidr"),
        ({"a": [{"exists": "yes"}]}, "a[0].exists"),
        ({"a": [{"wildcard": "a**b"}]}, "a[0].wildcard"),
        ({"a": [{"wildcard": "a\\b"}]}, "a[0].wildcard"),
        ({"a": [{"anything-but": []}]}, "a[0].anything-but"),
        ({"a": [{"anything-but": ["x", 1]}]}, "a[0].anything-but"),
        ({"a": [{"anything-but": {"cidr": "10.0.0.0/8"}}]}, "a[0].anything-but"),
        ({"a": [{"anything-but": {"prefix": ""}}]}, "a[0].anything-but"),
        ({"$or": [{"a": [1]}]}, "$or"),
        ({"$or": [{"a": [1]}, {}]}, "$or[1]"),
        ({"b": {"$or": [{"a": 1}, {"a": [1]}]}}, "b.$or[0].a"),
        ({"a": [0] * (MOST_VALUES + 1)}, ""),
    ],
)
def test_what_is_wrong_is_named_by_its_field(pattern: Any, path: str) -> None:
    assert [each.path for each in check(pattern)] == [path]
    assert all(each.message for each in check(pattern))


def test_too_deep() -> None:
    pattern: dict[str, Any] = {"a": [1]}
    for _ in range(MOST_DEPTH + 1):
        pattern = {"a": pattern}
    assert "levels deep" in check(pattern)[0].message


def emulated(pattern: Any, data: Any) -> bool | None:
    """What the emulator says; None where it refuses the pattern."""
    text = json.dumps({"detail": pattern})
    if eventbridge._event_pattern_error(text):
        return None
    event = {"detail": data, "source": "onyx.test", "detail-type": "Test.v1", "id": "1", "account": "1"}
    return bool(eventbridge._matches_pattern(text, eventbridge._event_from_test_payload(event)))


@settings(max_examples=500)
@given(PATTERNS, st.dictionaries(NAMES, DATA, max_size=3))
def test_as_the_emulator_says(pattern: Any, data: Any) -> None:
    expected = emulated(pattern, data)
    if check(pattern) == [] and expected is not None:
        assert matches(pattern, data) is expected


@settings(max_examples=500)
@given(PATTERNS)
def test_what_is_found_fine_can_be_compiled_and_the_emulator_takes_it(pattern: Any) -> None:
    if check(pattern) == []:
        matches(pattern, {})
        assert emulated(pattern, {}) is not None
