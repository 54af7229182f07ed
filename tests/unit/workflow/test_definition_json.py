"""A kept definition is read back as it was, also by later versions."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import given

from services.workflow.domain.definition import ActionStep, Definition
from services.workflow.domain.definition_json import from_document, to_document
from services.workflow.domain.parsing import parse
from tests.fakes.workflow_definitions import definitions
from tests.fakes.workflow_documents import EVERYTHING

KEPT = Path(__file__).with_name("kept_definitions")


def through_json(definition: Definition) -> Definition:
    return from_document(json.loads(json.dumps(to_document(definition))))


@given(definitions())
def test_any_definition(definition: Definition) -> None:
    assert through_json(definition) == definition


def test_everything() -> None:
    definition = parse(EVERYTHING)
    assert through_json(definition) == definition


def test_constants_keep_their_types() -> None:
    step = ActionStep(
        "a", "set", {"x": Decimal("1.50"), "y": [{"$": "decimal", "value": "2"}], "z": {"$": {"$": 1}}}
    )
    found = through_json(Definition("abc", "A", (step,))).steps[0]
    assert found == step
    assert isinstance(found, ActionStep)
    assert str(found.with_["x"]) == "1.50"


def test_what_was_kept_by_earlier_versions_is_read() -> None:
    """Never written anew: add another file beside it when the model changes."""
    [*files] = sorted(KEPT.glob("*.json"))
    assert files
    for file in files:
        document = json.loads(file.read_text(encoding="utf-8"))
        assert _includes(to_document(from_document(document)), document)


def test_fields_of_another_version() -> None:
    document = to_document(parse(EVERYTHING)) | {"colour": "blue"}
    del document["timeout"]
    assert from_document(document).timeout == Definition.timeout


def _includes(whole: Any, part: Any) -> bool:
    """Whether all of `part` is in `whole`; objects may have got further keys."""
    if isinstance(part, dict):
        return all(key in whole and _includes(whole[key], each) for key, each in part.items())
    if isinstance(part, list):
        return len(whole) == len(part) and all(map(_includes, whole, part))
    return bool(whole == part)
