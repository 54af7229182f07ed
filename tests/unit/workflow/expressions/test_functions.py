"""Each function, on what it takes and on what it refuses."""

import re
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.workflow.domain.errors import ExpressionError
from services.workflow.domain.expressions import evaluate
from services.workflow.domain.expressions.functions import FUNCTIONS
from shared.money import money_text

ROWS = [{"team": "x", "cost": "10.20"}, {"team": "y", "cost": "3"}, {"team": "z", "cost": None}]
AT = "2026-03-29T00:30:00Z"

VALUES: list[tuple[str, Any]] = [
    ("abs(`-1.50`)", Decimal("1.50")),
    ("abs(`-2`)", 2),
    ("add(`1.000000000000000001`, `2`)", Decimal("3.000000000000000001")),
    ("avg(`[1, 2, 2]`)", Decimal("1.666666666666666667")),
    ("avg(`[]`)", None),
    ("ceil(`1.2`)", 2),
    ("contains('abc', 'b')", True),
    ("contains('abc', `1`)", False),
    ("contains(`[1, true]`, `1.0`)", True),
    ("contains(`[true]`, `1`)", False),
    ("date_add('2026-03-01', '-1d')", "2026-02-28T00:00:00Z"),
    ("date_add('2026-03-29T02:30:00+02:00', '90s')", "2026-03-29T00:31:30Z"),
    ("decimal('12.50')", Decimal("12.50")),
    ("decimal(`7`)", Decimal(7)),
    ("decimal(missing)", None),
    ("default(missing, 'x')", "x"),
    ("default(`false`, 'x')", False),
    ("divide(`1`, `3`)", Decimal("0.333333333333333333")),
    ("divide(`2`, `3`)", Decimal("0.666666666666666667")),
    ("ends_with('abc', 'bc')", True),
    ("floor(`-1.2`)", -2),
    ("format_date('2026-03-01', '%Y-%m')", "2026-03"),
    (
        "format_date(at, '%A %d %B %Y, %H:%M:%S 100%%', 'Europe/Lisbon')",
        "Sunday 29 March 2026, 00:30:00 100%",
    ),
    ("format_date('2026-07-01T12:00:00Z', '%a %b %H', 'America/New_York')", "Wed Jul 08"),
    ("join(', ', ['a', 'b'])", "a, b"),
    ("join(', ', `[]`)", ""),
    ("keys({a: `1`, b: `2`})", ["a", "b"]),
    ("length('abc')", 3),
    ("length(rows)", 3),
    ("lower('ABC')", "abc"),
    ("map(&team, rows)", ["x", "y", "z"]),
    ("max(`[1, 2.5, 2]`)", Decimal("2.5")),
    ("max(['a', 'b'])", "b"),
    ("max(`[]`)", None),
    ("max_by(rows, &decimal(default(cost, '0'))).team", "x"),
    ("merge({a: `1`}, {a: `2`, b: `3`})", {"a": 2, "b": 3}),
    ("min(`[1, 0.5]`)", Decimal("0.5")),
    ("min_by(rows, &decimal(default(cost, '0'))).team", "z"),
    ("min_by(`[]`, &a)", None),
    ("multiply(`1.5`, `3`)", Decimal("4.5")),
    ("multiply(`0.0000000000000000005`, `1`)", Decimal("0E-18")),
    ("multiply(`0.0000000000000000015`, `1`)", Decimal("0.000000000000000002")),
    ("not_null(missing, 'a', 'b')", "a"),
    ("replace('a-b-c', '-', '+')", "a+b+c"),
    ("reverse('abc')", "cba"),
    ("reverse(`[1, 2]`)", [2, 1]),
    ("round(`2.5`)", 2),
    ("round(`2.345`, `2`)", Decimal("2.34")),
    ("round(`7`, `2`)", 7),
    ("sort(`[2, 1.5]`)", [Decimal("1.5"), 2]),
    ("sort_by(rows[?cost], &decimal(cost))[*].team", ["y", "x"]),
    ("split('a,b', ',')", ["a", "b"]),
    ("sql_text(quoted)", "'x'' OR ''1''=''1'"),
    ("starts_with('abc', 'ab')", True),
    ("subtract(`0.3`, `0.1`)", Decimal("0.2")),
    ("sum(rows[?cost].decimal(cost))", Decimal("13.20")),
    ("sum(`[1, 2]`)", 3),
    ("sum(`[]`)", 0),
    ("to_array('a')", ["a"]),
    ("to_number('12.5')", Decimal("12.5")),
    ("to_number('12')", 12),
    ("to_number('x')", None),
    ("to_string(`[1.50, null]`)", '["1.5",null]'),
    ("to_string(`1.50`)", "1.5"),
    ("to_string('x')", "x"),
    ("trim('  a ')", "a"),
    ("type(`1.5`)", "number"),
    ("type(missing)", "null"),
    ("upper('abc')", "ABC"),
    ("url_encode('a b/ü?')", "a%20b%2F%C3%BC%3F"),
    ("values({a: `1`, b: `2`})", [1, 2]),
    ("table(rows)", "team   cost\n----  -----\nx     10.20\ny         3\nz"),
    ("table(rows, ['cost'])", " cost\n-----\n10.20\n    3\n"),
    ("table(`[]`)", "\n"),
]


@pytest.mark.parametrize(("expression", "value"), VALUES)
def test_value(expression: str, value: Any) -> None:
    found = evaluate(expression, {"rows": ROWS, "at": AT, "quoted": "x' OR '1'='1"})
    assert found == value
    assert type(found) is type(value)


def test_every_function_is_tried() -> None:
    called = {name for expression, _ in VALUES for name in re.findall(r"([a-z_]+)\(", expression)}
    assert called == set(FUNCTIONS)


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("join(', ', rows)", "array with object in it, not array of string"),
        ("sum(rows[*].cost)", "decimal(text) makes a number"),
        ("lower(missing)", "default(value, other) stands in"),
        ("decimal('1,5')", "'1,5' is not a decimal number"),
        ("decimal('NaN')", "is not a decimal number"),
        ("divide(`1`, `0`)", "division by zero"),
        ("multiply(`1e100`, `1e100`)", "does not fit"),
        ("round(`1.5`, `19`)", "from 0 to 18"),
        ("round(`1.5`, `0.5`)", "from 0 to 18"),
        ("split('a', '')", "separator is empty"),
        ("replace('a', '', 'b')", "empty"),
        ("date_add('2026-01-01', '1x')", "a duration is"),
        ("date_add('9999-12-31', '2d')", "years 1 to 9999"),
        ("date_add('0001-01-01T00:00:00+10:00', '0s')", "years 1 to 9999"),
        ("date_add('2026-01-01T10:00:00', '1d')", "no time zone"),
        ("date_add('yesterday', '1d')", "no ISO 8601"),
        ("format_date('2026-01-01', '%q')", "%q is no code"),
        ("format_date('2026-01-01', '%Y', 'Mars/Base')", "no IANA time zone"),
        ("format_date('2026-01-01', '%Y', '../../etc/passwd')", "no IANA time zone"),
        ("sort_by(rows, &cost)", "null, string"),
        ('max(`[1, "a"]`)', "array with number, string in it"),
        ("sort(`[true]`)", "array with boolean in it"),
        ("&a", "no value"),
        ("[&a]", "no value"),
        ("type(&a)", "expref"),
        ("map('a', rows)", "string, not expref"),
    ],
)
def test_refused(expression: str, says: str) -> None:
    with pytest.raises(ExpressionError) as error:
        evaluate(expression, {"rows": ROWS})
    assert error.value.code == "EXPRESSION_TYPE"
    assert says in error.value.detail


AMOUNTS = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**15), max_value=10**15, places=18)


@given(st.lists(AMOUNTS, max_size=20))
def test_sums_are_exact(amounts: list[Decimal]) -> None:
    found = evaluate("sum(map(&decimal(@), amounts))", {"amounts": [money_text(each) for each in amounts]})
    assert Fraction(found) == sum(map(Fraction, amounts))


@given(st.lists(AMOUNTS, min_size=1, max_size=20))
def test_order_is_by_value(amounts: list[Decimal]) -> None:
    texts = [money_text(each) for each in amounts]
    assert evaluate("sort(map(&decimal(@), amounts))", {"amounts": texts}) == sorted(amounts)
    assert evaluate("max(map(&decimal(@), amounts))", {"amounts": texts}) == max(amounts)


def test_there_is_no_clock_and_no_chance() -> None:
    assert not {"now", "today", "random", "uuid"} & set(FUNCTIONS)
