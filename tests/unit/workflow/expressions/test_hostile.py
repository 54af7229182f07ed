"""No expression runs for ever or fills the memory: each of these would, without its budget."""

import time
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.workflow.domain.errors import ExpressionError
from services.workflow.domain.expressions import compile_expression, evaluate, render
from services.workflow.domain.expressions.budget import MAX_TEXT
from services.workflow.domain.expressions.functions import FUNCTIONS

CODES = {"EXPRESSION_SYNTAX", "EXPRESSION_BUDGET", "EXPRESSION_TYPE"}
MOST_SECONDS = 2
MOST_BYTES = 64 * 1024 * 1024

SCOPE: dict[str, Any] = {
    "ten": list(range(10)),
    "rows": [{"n": n, "text": "x" * 50} for n in range(500)],
    "long": "ab" * 50_000,
    "deep": None,
}
_deep: Any = "bottom"
for _ in range(3_000):
    _deep = [_deep]
SCOPE["deep"] = _deep

LOOP = "$.ten"
for _ in range(10):
    LOOP = f"map(&{LOOP}, $.ten)"

HOSTILE = {
    "lists of lists": "[@, @]" + " | [@, @]" * 50,
    "objects of objects": "{a: @, b: @}" + " | {a: @, b: @}" * 40,
    "doubling by flatten": "`[1, 2]`" + " | [@, @][]" * 50,
    "doubling by a join": "'aaaaaaaaaa'" + " | join(@, [@, @])" * 40,
    "doubling by replace": "'aaaa'" + " | replace(@, 'a', 'aaaaaaaaaa')" * 25,
    "as text, again and again": "[long, long]" + " | [to_string(@), to_string(@)]" * 25,
    "comparing what shares its parts": f"([@,@]{'|[@,@]' * 25}) == ([@,@]{'|[@,@]' * 25})",
    "looking for it in a list": f"contains([[@,@]{'|[@,@]' * 25}], [@,@]{'|[@,@]' * 25})",
    "writing what shares its parts": f"to_string([@,@]{'|[@,@]' * 40})",
    "loops in loops": LOOP,
    "projections in projections": "[rows, rows]" + " | [@, @][]" * 6 + " | [*].[n, n, n, n][] | [*].[@, @][]",
    "sorting long texts": "map(&replace($.long, 'a', 'c'), rows) | sort(@)",
    "long texts, by themselves": "map(&join('', [$.long, to_string(n)]), rows) | sort_by(@, &@)",
    "splitting in loops": "map(&split($.long, 'a'), rows)",
    "a table of tables": "[{a: $.rows, b: $.rows, c: $.rows}]" + " | [{a: table(@), b: table(@)}]" * 20,
    "a wide table": "map(&{a: $.long}, rows) | table(@)",
    "a deep value": "deep",
    "a deep value as text": "to_string(deep)",
    "comparing deep values": "[deep] == [[deep]]",
    "quoting quotes": "join('', map(&'\\'\\'\\'\\'', $.rows))" + " | sql_text(@)" * 30,
    "encoding": "long" + " | url_encode(@)" * 12,
    "merging": "merge({a: @}, {b: @})" + " | merge({a: @}, {b: @})" * 20,
    "many parts": "[" + "a," * 420 + "a]",
    "a result of many": "map(&$.rows, $.rows)",
    "a result that is long": "[" + "$.long," * 10 + "$.long]",
    "nested not": "!" * 900 + "a",
    "nested brackets": "[" * 900,
    "nested parentheses": "(" * 490 + "a" + ")" * 490,
    "nested literal": "`" + "[" * 900 + "]" * 90 + "`",
    "a chain of projections": "a" + "[*]" * 300,
    "a chain of pipes": "a" + "|a" * 450,
    "a long number": "`" + "9" * 900 + "`",
    "a long number, multiplied": "`" + "9" * 100 + "`" + " | multiply(@, @)" * 50,
    "a small number, multiplied": "`1e-128`" + " | multiply(@, @)" * 40,
    "a large index": "ten[" + "9" * 300 + "]",
    "a large slice": "ten[" + "9" * 100 + ":-" + "9" * 100 + ":7]",
}


def fault(expression: str) -> ExpressionError | None:
    """How its evaluation fails, if it does."""
    try:
        evaluate(expression, SCOPE)
    except ExpressionError as error:
        return error
    return None


@pytest.fixture
def watched() -> Iterator[None]:
    """Fails a test that takes long or much."""
    tracemalloc.start()
    began = time.process_time()
    yield
    spent, (_, peak) = time.process_time() - began, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert spent < MOST_SECONDS * 5, "seconds, while memory is traced"
    assert peak < MOST_BYTES


@pytest.mark.parametrize("name", HOSTILE)
def test_it_ends_soon_and_small(name: str, watched: None) -> None:
    error = fault(HOSTILE[name])
    assert error is None or error.code in CODES


REFUSED = [
    "lists of lists",
    "objects of objects",
    "doubling by flatten",
    "doubling by a join",
    "doubling by replace",
    "comparing what shares its parts",
    "writing what shares its parts",
    "loops in loops",
    "sorting long texts",
    "splitting in loops",
    "a wide table",
    "a deep value",
    "many parts",
    "a result of many",
    "a result that is long",
    "nested not",
    "nested parentheses",
    "a chain of pipes",
]


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_the_budget_that_ends_it(name: str) -> None:
    with pytest.raises(ExpressionError) as error:
        evaluate(HOSTILE[name], SCOPE)
    assert error.value.code == "EXPRESSION_BUDGET"


def test_a_long_expression_is_not_even_read() -> None:
    with pytest.raises(ExpressionError) as error:
        compile_expression("a" * (MAX_TEXT + 1))
    assert error.value.code == "EXPRESSION_BUDGET"


def test_a_template_of_many_expressions_has_one_budget(watched: None) -> None:
    template = ["${map(&map(&n, $.rows), $.ten)}"] * 1_000
    with pytest.raises(ExpressionError) as error:
        render(template, SCOPE)
    assert error.value.code == "EXPRESSION_BUDGET"


ATOMS = st.sampled_from(
    [
        "@",
        "$",
        "ten",
        "rows",
        "long",
        "deep",
        "`1`",
        "`2.5`",
        "'x'",
        "''",
        "`[]`",
        "`[[1],[2]]`",
        "n",
        "[@, @]",
        "[]",
        "[*]",
    ]
)


@st.composite
def calls(draw: st.DrawFn, inner: st.SearchStrategy[str]) -> str:
    function = FUNCTIONS[draw(st.sampled_from(sorted(FUNCTIONS)))]
    count = draw(st.integers(function.least, len(function.parameters)))
    arguments = [
        ("&" if function.parameter(index) == "expref" else "") + draw(inner) for index in range(count)
    ]
    return f"{function.name}({', '.join(arguments)})"


def grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    two = st.tuples(inner, inner)
    return st.one_of(
        calls(inner),
        two.map(lambda p: f"{p[0]} | {p[1]}"),
        two.map(lambda p: f"[{p[0]}, {p[1]}]"),
        two.map(lambda p: f"{{a: {p[0]}, b: {p[1]}}}"),
        two.map(lambda p: f"{p[0]} == {p[1]}"),
        two.map(lambda p: f"{p[0]} < {p[1]}"),
        inner.map(lambda x: f"({x})[]"),
        inner.map(lambda x: f"({x})[*]"),
    )


@settings(max_examples=300, deadline=None)
@given(st.recursive(ATOMS, grown, max_leaves=25))
def test_any_expression_ends_with_a_value_or_a_known_error(expression: str) -> None:
    began = time.process_time()
    error = fault(expression)
    assert error is None or (error.code in CODES and len(str(error)) < 1_000)
    assert time.process_time() - began < MOST_SECONDS


@settings(max_examples=500)
@given(st.text(max_size=60) | st.text(alphabet="ab.[]*?@$&|!=<>'`\"{}(),:-019 ", max_size=60))
def test_any_text_is_an_expression_or_a_known_error(text: str) -> None:
    error = fault(text)
    assert error is None or error.code in CODES
    assert error is None or error.code != "EXPRESSION_SYNTAX" or (error.position or 0) >= 1
