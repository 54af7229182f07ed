"""The guide's examples are right, and it leaves nothing of the language out."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from services.workflow.domain.expressions.functions import FUNCTIONS
from services.workflow.domain.parsing import parse
from services.workflow.domain.parsing.findings import Findings
from services.workflow.domain.parsing.schema import document
from services.workflow.domain.parsing.source import read
from services.workflow.domain.registry import Registry

ROOT = Path(__file__).resolve().parents[3]
DOMAIN = ROOT / "services" / "workflow" / "domain"
GUIDE = (ROOT / "docs" / "guides" / "workflows.md").read_text(encoding="utf-8")
CODE = re.compile(r"(?!MAX_)[A-Z]+(_[A-Z]+)+|AMBIGUOUS")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
NAMES = set(re.findall(r"[a-z_]+", " ".join(re.findall(r"`[^`\n]+`", GUIDE))))


@pytest.mark.parametrize("text", EXAMPLES)
def test_an_example(text: str) -> None:
    parse(text)
    found = jsonschema.Draft202012Validator(document()).iter_errors(read(text, Findings()).plain())
    assert [each.message for each in found] == []


def test_every_key_is_told() -> None:
    keys = set(_keys(document()))
    shown = {key for text in EXAMPLES for key in _written(read(text, Findings()).plain())}
    assert keys - shown - NAMES == set()


def _keys(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        yield from schema.get("properties", {})
        for each in schema.values():
            yield from _keys(each)
    elif isinstance(schema, list):
        for each in schema:
            yield from _keys(each)


def _written(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
        for each in value.values():
            yield from _written(each)
    elif isinstance(value, list):
        for each in value:
            yield from _written(each)


def test_every_function_is_told() -> None:
    assert set(re.findall(r"`([a-z_]+)\(", GUIDE)) == set(FUNCTIONS)


@pytest.mark.parametrize("action", list(Registry.load()), ids=lambda each: each.name)
def test_every_action_is_told(action: Any) -> None:
    [row] = re.findall(rf"^\| `{re.escape(action.name)}` \|(.*)$", GUIDE, re.MULTILINE)
    told = set(re.findall(r"`([a-z_]+)`", row))
    assert told == {*action.input, *action.output}


def test_every_code_is_told() -> None:
    assert set(_codes()) - set(re.findall(r"[A-Z][A-Z_]{3,}", GUIDE)) == set()


def _codes() -> Iterator[str]:
    """The constants of the parser that look like codes."""
    for file in [*(DOMAIN / "parsing").glob("*.py"), DOMAIN / "fields.py"]:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and CODE.fullmatch(str(node.value)):
                yield str(node.value)
