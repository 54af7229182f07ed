"""Whatever the text: a definition, or findings with a place in it. Never anything else."""

import copy
import json
import time
from decimal import Decimal
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from services.workflow.domain.definition import Definition
from services.workflow.domain.errors import DefinitionInvalid
from services.workflow.domain.parsing import MAX_FINDINGS, parse
from services.workflow.domain.parsing.findings import Findings
from services.workflow.domain.parsing.source import read
from tests.fakes.workflow_definitions import definitions
from tests.fakes.workflow_documents import EVERYTHING
from tests.fakes.workflow_texts import REGISTRY, as_language_allows, text_of

DOCUMENT: dict[str, Any] = read(EVERYTHING, Findings()).plain()
KEYS = sorted({key for key in json.dumps(DOCUMENT).replace('"', " ").split() if key.isidentifier()})


def parsed(text: str | bytes) -> Definition | list[dict[str, Any]]:
    try:
        return parse(text)
    except DefinitionInvalid as error:
        found = error.errors
    _check(found, text)
    return found


def _check(errors: list[dict[str, Any]], text: str | bytes) -> None:
    assert 1 <= len(errors) <= MAX_FINDINGS
    lines = text.count("\n" if isinstance(text, str) else b"\n") + 1
    for found in errors:
        assert found["code"].isupper()
        assert 5 < len(found["message"]) < 500
        assert 1 <= found["line"] <= lines + 1
        assert found["column"] >= 1


@given(st.binary(max_size=300) | st.text(max_size=300))
def test_any_text(text: str | bytes) -> None:
    assert isinstance(parsed(text), list)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 2_000)
    | st.sampled_from(
        [
            "",
            "a",
            "10s",
            "5m",
            "set",
            "http.get",
            "${",
            "${item}",
            "${steps.costs.output}",
            "a ==",
            "0 8 * * ? *",
            "Europe/Lisbon",
        ]
    )
    | st.text(alphabet="abcxyz äß", max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
    max_leaves=5,
)


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    """The large right document with some of its values replaced, left out, renamed or moved."""
    document = copy.deepcopy(DOCUMENT)
    for _ in range(draw(st.integers(1, 4))):
        parents = [each for each in _containers(document) if each]
        if not parents:
            break
        parent = draw(st.sampled_from(parents))
        at = draw(st.sampled_from(list(parent) if isinstance(parent, dict) else list(range(len(parent)))))
        match draw(st.sampled_from(["replace", "remove", "rename", "copy"])):
            case "replace":
                parent[at] = draw(VALUES)
            case "remove":
                del parent[at]
            case "rename" if isinstance(parent, dict):
                parent[draw(st.sampled_from(KEYS))] = parent.pop(at)
            case _:
                other = draw(st.sampled_from(parents))
                parent[at] = copy.deepcopy(other)
    return document


def _containers(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [value, *(found for each in value.values() for found in _containers(each))]
    if isinstance(value, list):
        return [value, *(found for each in value for found in _containers(each))]
    return []


@settings(max_examples=300)
@given(mutated())
def test_a_changed_document(document: Any) -> None:
    found = parsed(json.dumps(document))
    # JSON is YAML: whoever indents differently is told the same.
    other = parsed(yaml.safe_dump(document, allow_unicode=True))
    if isinstance(found, Definition):
        assert other == found
    else:
        assert isinstance(other, list)
        assert _codes(other) == _codes(found)


def _codes(found: list[dict[str, Any]]) -> set[tuple[str, str]]:
    if len(found) == MAX_FINDINGS:
        return set()
    return {(each["path"], each["code"]) for each in found}


@settings(max_examples=100)
@given(st.data())
def test_a_text_cut_or_glued(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(EVERYTHING)))
    end = data.draw(st.integers(0, len(EVERYTHING)))
    put = data.draw(
        st.sampled_from(["", "\n", " ", ":", "- ", "{", "}", "'", '"', "${", "&a ", "*a", "!x ", "\t", "#"])
    )
    parsed(EVERYTHING[:start] + put + EVERYTHING[end:])


def test_a_large_text_of_steps_takes_a_moment() -> None:
    """The largest that the limits allow, with an expression that sees all steps before it."""
    step = "  - {{id: s{n}, action: set, with: {{x: '${{{all}}}'}}}}\n"
    names = [f"steps.s{n}.status" for n in range(200)]
    steps = "".join(
        step.format(n=n, all=f"[{', '.join(names[max(0, n - 40) : n] or ['run'])}]") for n in range(200)
    )
    began = time.process_time()
    assert isinstance(parsed(f"id: abc\ntitle: A\nsteps:\n{steps}"), Definition)
    assert time.process_time() - began < 3


def test_numbers_stay_exact() -> None:
    found = parse(
        "id: abc\ntitle: A\nsteps:\n  - {id: a, action: set, with: {x: 0.100000000000000001, y: [1.50]}}\n"
    )
    [step] = found.steps
    assert getattr(step, "with_", None) == {"x": Decimal("0.100000000000000001"), "y": [Decimal("1.50")]}


@given(definitions().map(as_language_allows))
def test_what_is_written_is_read(definition: Definition) -> None:
    assert parse(text_of(definition), REGISTRY) == definition
