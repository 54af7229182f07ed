"""The published schema and the parser say the same of everything that a schema can say."""

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings

from services.workflow.domain.errors import DefinitionInvalid
from services.workflow.domain.parsing import MAX_FINDINGS, parse
from services.workflow.domain.parsing.findings import Findings
from services.workflow.domain.parsing.schema import document
from services.workflow.domain.parsing.source import read
from tests.fakes.workflow_documents import EVERYTHING, with_steps, with_top
from tests.unit.workflow.parsing.test_any_text import mutated
from tests.unit.workflow.parsing.test_findings import STEPS, TOP
from tests.unit.workflow.parsing.test_good import GOOD

SCHEMA = jsonschema.Draft202012Validator(document())

SAYS = frozenset(
    {"UNKNOWN_KEY", "MISSING_KEY", "WRONG_TYPE", "BAD_VALUE", "OUT_OF_RANGE", "AMBIGUOUS", "BAD_NAME"}
)
"""What a schema may say. The rest needs the registry, or more than one place of the text."""


def plain(text: str) -> Any:
    return read(text, Findings()).plain()


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(document())


@pytest.mark.parametrize("text", [EVERYTHING, *GOOD.values()])
def test_what_the_parser_takes_it_takes(text: str) -> None:
    assert [each.message for each in SCHEMA.iter_errors(plain(text))] == []


ONLY_THE_PARSER = {
    "- {id: a, wait: 366d}": "how long a duration is",
    "- {id: a, wait: 2d}": "against the run's timeout",
    "- {id: a, action: set, retry: {delay: 1h}}": "against another key",
    "- {id: a, action: set, timeout: 31s}": "by the action's mode",
    "- {id: a, action: set, heartbeat: 10s}": "by the action's mode",
    "- {id: a, action: query.run, with: {sql: x}, timeout: 30s, heartbeat: 30s}": "against another key",
    "- {id: a, action: http.get, with: {url: 5}}": "by the action's fields",
    "- {id: a, action: http.send, with: {url: x, method: GET}}": "by the action's fields",
    "- {id: a, approval: {message: x, roles: []}}": "against another key",
    "- {id: a, approval: {message: x, subjects: [ann], count: 2}}": "against another key",
    "- {id: a, approval: {message: x, expires: 2d}}": "against the run's timeout",
    "- {id: a, approval: {message: x, expires: 1h, reminders: 1h}}": "against another key",
    "inputs: {a: {type: integer, default: x}}": "by the input's type",
    "inputs: {a: {type: decimal, default: '1,5'}}": "by the input's type",
    "inputs: {a: {type: string, default: x, one_of: [y]}}": "by the input's choices",
    "inputs: {a: {type: integer, one_of: ['1']}}": "by the input's type",
}


BAD = [(steps, with_steps(steps), code) for steps, _, code, _ in STEPS]
BAD += [(top, with_top(top), code) for top, _, code, _ in TOP]


@pytest.mark.parametrize(("piece", "text", "code"), BAD)
def test_what_it_refuses_the_parser_refuses(piece: str, text: str, code: str) -> None:
    refused = not SCHEMA.is_valid(plain(text))
    assert refused == (code in SAYS and piece not in ONLY_THE_PARSER)


@settings(max_examples=300)
@given(mutated())
def test_it_refuses_nothing_that_the_parser_takes(value: Any) -> None:
    text = json.dumps(value)
    try:
        parse(text)
    except DefinitionInvalid as error:
        found = error.errors
    else:
        found = []
    if not SCHEMA.is_valid(value):
        assert found
        assert len(found) == MAX_FINDINGS or {each["code"] for each in found} & SAYS


def test_every_key_is_described() -> None:
    schemas = [document(), *document()["$defs"].values()]
    while schemas:
        schema = schemas.pop()
        for key, each in schema.get("properties", {}).items():
            assert each.get("description", "").strip(), key
            schemas.append(each)
        schemas += schema.get("oneOf", [])
        schemas += [
            each
            for each in (schema.get("items"), schema.get("additionalProperties"))
            if isinstance(each, dict)
        ]
