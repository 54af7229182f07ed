"""Expressions are JMESPath, with exact numbers and `$`."""

from decimal import Decimal
from typing import Any

import jmespath
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.workflow.domain.errors import ExpressionError
from services.workflow.domain.expressions import compile_expression, evaluate, holds

SCOPE: dict[str, Any] = {
    "event": {"data": {"total": "12.50", "count": 3, "share": 0.1, "none": None, "tags": ["a", "b"]}},
    "inputs": {"team": "x", "limit": Decimal("10.000000000000000001")},
    "rows": [{"team": "x", "cost": "10.20"}, {"team": "y", "cost": "3"}, {"team": "x", "cost": "-0.10"}],
}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("event.data.count", 3),
        ("event.data.missing.deeper", None),
        ("event.data.tags[0]", "a"),
        ("event.data.tags[-1]", "b"),
        ("rows[*].team", ["x", "y", "x"]),
        ("rows[?team == 'x'].cost", ["10.20", "-0.10"]),
        ("rows[?team == $.inputs.team].cost", ["10.20", "-0.10"]),
        ("rows[?decimal(cost) > `5`] | [0].team", "x"),
        ("{a: event.data.count, b: 'x'}", {"a": 3, "b": "x"}),
        ("event.data.none || 'other'", "other"),
        ("`0` || 'other'", 0),
        ("event.data.count == `3` && !event.data.none", True),
        ("rows[1:].team", ["y", "x"]),
        ("[[`1`], [`2`, `3`]][]", [1, 2, 3]),
        ("`[1, 2.50]`", [1, Decimal("2.50")]),
        ("`1` == `true`", False),
        ("`[1]` == `[true]`", False),
        ("`1.0` == `1`", True),
        ("'b' > 'a'", True),
        ("{a: `1`, b: [`2`]} == {b: [`2.0`], a: `1`}", True),
        ("{a: `1`} == {b: `1`}", False),
        ("{a: `1`} != {a: `2`}", True),
        ("`[1]` == `[1, 2]`", False),
        ("'a' == `1`", False),
        ("`null` == missing", True),
        ("event.data.missing > `5`", None),
        ("rows[?missing > `5`]", []),
        ("!event.data.tags[0]", False),
        ("!rows[?team == 'z']", True),
        ("!event.data.none == `true`", True),
    ],
)
def test_value(expression: str, value: Any) -> None:
    found = evaluate(expression, SCOPE)
    assert found == value
    assert type(found) is type(value)


def test_numbers_with_a_point_are_exact() -> None:
    assert evaluate("`0.1`", SCOPE) == Decimal("0.1")
    assert evaluate("add(`0.1`, `0.2`) == `0.3`", SCOPE) is True
    assert evaluate("event.data.share", SCOPE) == Decimal("0.1"), "a float of the scope is taken as written"
    assert evaluate("inputs.limit > `10.000000000000000000`", SCOPE) is True


def test_a_result_shares_nothing_with_the_scope() -> None:
    found = evaluate("event.data", SCOPE)
    found["tags"].append("c")
    assert SCOPE["event"]["data"]["tags"] == ["a", "b"]


@pytest.mark.parametrize(
    ("expression", "true"), [("`0`", True), ("''", False), ("rows", True), ("nix", False)]
)
def test_holds(expression: str, true: bool) -> None:
    assert holds(expression, SCOPE) is true


@pytest.mark.parametrize("number", [float("nan"), float("inf"), Decimal("NaN"), Decimal("1e200"), 1 << 600])
def test_numbers_that_are_none(number: Any) -> None:
    for expression in ("n", "n > `1`", "sum([n])", "rows[?n == `1`]"):
        with pytest.raises(ExpressionError) as error:
            evaluate(expression, {"n": number, "rows": [{"n": number}]})
        assert error.value.code == "EXPRESSION_TYPE"


def test_text_and_number_are_not_ordered() -> None:
    with pytest.raises(ExpressionError, match=r"decimal\(text\) makes a number") as error:
        evaluate("event.data.total > `5`", SCOPE)
    assert error.value.code == "EXPRESSION_TYPE"


@pytest.mark.parametrize(
    ("expression", "position", "says"),
    [
        ("", 1, "empty"),
        ("a..b", 3, "'.' cannot stand here"),
        ("lower(", 7, "ends too early"),
        ("a && lowr(b)", 6, "did you mean 'lower'"),
        ("join('x')", 1, "takes 2 arguments, not 1"),
        ("round(a, b, c)", 1, "takes 1 to 2 arguments, not 3"),
        ("join('x' y)", 10, "cannot stand here"),
        ("`{bad`", 1, "no JSON"),
        ("a == `NaN`", 6, "no JSON"),
        ("a == `1e999`", 6, "no JSON"),
        ("a[::0]", 3, "step 0"),
        ("'a", 1, "Unclosed"),
        ("a = b", 3, "Unknown token"),
        ("a#b", 2, "Unknown token"),
        ("now()", 1, "no function"),
        ('"lower"(a)', 1, "cannot stand here"),
    ],
)
def test_syntax_errors_say_where(expression: str, position: int, says: str) -> None:
    with pytest.raises(ExpressionError) as error:
        compile_expression(expression)
    assert error.value.code == "EXPRESSION_SYNTAX"
    assert error.value.position == position
    assert says in error.value.detail


@pytest.mark.parametrize(
    ("expression", "references"),
    [
        ("steps.costs.output.rows[0].x", {("steps", "costs", "output", "rows")}),
        ("a.b | c.d", {("a", "b", "c", "d")}),
        ("rows[?team == $.inputs.team].cost", {("rows",), ("inputs", "team")}),
        ("join(a.b, c[*].d)", {("a", "b"), ("c",)}),
        ("{a: steps.x}.a", {("steps", "x")}),
        ("map(&cost, $.rows)", {("rows",)}),
        ("!a || b && c > d", {("a",), ("b",), ("c",), ("d",)}),
        ("(a || b).c", {("a",), ("b",)}),
        ("steps.*.status", {("steps",)}),
    ],
)
def test_references(expression: str, references: set[tuple[str, ...]]) -> None:
    compiled = compile_expression(expression)
    assert set(compiled.references) == references
    assert not compiled.reads_everything


@pytest.mark.parametrize("expression", ["$", "@", "*", "keys(@)", "[?a]", "$.*", "{a: @}"])
def test_who_reads_everything_is_known(expression: str) -> None:
    assert compile_expression(expression).reads_everything


NAMES = st.sampled_from(["a", "b", "c"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "x", "y"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)


def _combined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    two = st.tuples(inner, inner)
    return st.one_of(
        st.tuples(inner, NAMES).map(lambda p: f"{p[0]}.{p[1]}"),
        inner.map(lambda x: f"({x})[0]"),
        inner.map(lambda x: f"({x})[*]"),
        inner.map(lambda x: f"({x})[]"),
        inner.map(lambda x: f"({x})[1:]"),
        inner.map(lambda x: f"!({x})"),
        two.map(lambda p: f"({p[0]})[?{p[1]}]"),
        two.map(lambda p: f"({p[0]}) | ({p[1]})"),
        two.map(lambda p: f"({p[0]}) || ({p[1]})"),
        two.map(lambda p: f"({p[0]}) && ({p[1]})"),
        two.map(lambda p: f"({p[0]}) == ({p[1]})"),
        two.map(lambda p: f"[{p[0]}, {p[1]}]"),
        two.map(lambda p: f"{{a: {p[0]}, b: {p[1]}}}"),
        inner.map(lambda x: f"type({x})"),
        inner.map(lambda x: f"to_array({x})"),
        two.map(lambda p: f"not_null({p[0]}, {p[1]})"),
        two.map(lambda p: f"map(&({p[0]}), to_array({p[1]}))"),
    )


EXPRESSIONS = st.recursive(NAMES | st.sampled_from(["@", "`1`", "'x'", "`[]`"]), _combined, max_leaves=6)


@given(EXPRESSIONS, VALUES)
def test_it_means_what_the_library_means(expression: str, scope: Any) -> None:
    expected = jmespath.search(expression, scope)
    assert _exact(evaluate(expression, scope)) == _exact(expected)


def _exact(value: Any) -> Any:
    """With the types, as Python takes True for 1."""
    if isinstance(value, list):
        return [_exact(each) for each in value]
    if isinstance(value, dict):
        return {key: _exact(each) for key, each in value.items()}
    return type(value).__name__, value
