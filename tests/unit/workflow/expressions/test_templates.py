"""Texts with expressions in them."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.workflow.domain.errors import ExpressionError
from services.workflow.domain.expressions import compile_template, is_template, render

SCOPE = {
    "n": 3,
    "amount": Decimal("12.500"),
    "text": "x",
    "none": None,
    "yes": True,
    "rows": [{"a": Decimal("1.0")}],
}


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("${n}", 3),
        ("${ n }", 3),
        ("${amount}", Decimal("12.500")),
        ("${none}", None),
        ("${rows}", [{"a": Decimal("1.0")}]),
        ("n is ${n}, amount ${amount}", "n is 3, amount 12.5"),
        (" ${n}", " 3"),
        ("${n}${n}", "33"),
        ("${none}|${yes}|${rows}", '|true|[{"a":"1"}]'),
        ("$${n} costs $5 and 100%", "${n} costs $5 and 100%"),
        ("$$${n}", "$${n}"),
        ("$", "$"),
        ("{n}", "{n}"),
        ("", ""),
        ("${'}'}", "}"),
        ("${'\\'}'}", "'}"),
        ('${`{"a": "}"}`.a}', "}"),
        ("${{a: n}.a}", 3),
        ("${`1`}", 1),
        ({"a": ["${n}", 1, None, True], "${n}": "b"}, {"a": [3, 1, None, True], "${n}": "b"}),
    ],
)
def test_rendered(template: Any, value: Any) -> None:
    found = render(template, SCOPE)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("template", "position", "says"),
    [
        ("a ${n", 3, "not closed"),
        ("a ${'}", 3, "not closed"),
        ("${}", 3, "empty"),
        ("text ${a..b} text", 10, "'.' cannot stand here"),
        ("text ${ lowr(a) } text", 9, "did you mean 'lower'"),
    ],
)
def test_faults_are_counted_in_the_whole_text(template: str, position: int, says: str) -> None:
    with pytest.raises(ExpressionError) as error:
        compile_template(template)
    assert error.value.code == "EXPRESSION_SYNTAX"
    assert (error.value.position, says in error.value.detail) == (position, True)


def test_what_data_say_is_not_evaluated() -> None:
    scope = {"text": "${secret} $${x}", "secret": "s"}
    assert render("${text}", scope) == "${secret} $${x}"
    assert render("a ${text}", scope) == "a ${secret} $${x}"


@given(st.text())
def test_a_text_without_the_sign_is_itself(text: str) -> None:
    if not is_template(text):
        assert render(text, {}) == text


@given(st.text(alphabet="${}n'` a\\", max_size=30))
def test_any_text_is_rendered_or_refused(text: str) -> None:
    try:
        render(text, SCOPE)
    except ExpressionError as error:
        fault = error.code
    else:
        fault = None
    assert fault in (None, "EXPRESSION_SYNTAX", "EXPRESSION_TYPE")


@given(st.text(alphabet="${}n'` a\\", max_size=30))
def test_what_is_escaped_is_itself(text: str) -> None:
    """Every sign is escaped, then rendered."""
    if "$$" in text:
        return
    assert render(text.replace("${", "$${"), {}) == text
