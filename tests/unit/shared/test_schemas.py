import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pydantic import BaseModel

from shared.events import Event
from shared.fields import Money
from shared.schema_changes import breaking_changes
from shared.schemas import all_schemas, main, schema_of, schema_text, write_schemas


class Part(BaseModel):
    name: str
    amount: Money


class SchemaProbe(Event):
    """Probed by this test."""

    type: ClassVar[str] = "SchemaProbe"
    source: ClassVar[str] = "onyx.test"
    subject_field: ClassVar[str | None] = "probe_id"
    probe_id: str
    parts: list[Part]
    note: str | None = None


@pytest.fixture
def schema() -> dict[str, Any]:
    return schema_of(SchemaProbe)


def test_a_schema_pins_type_source_and_data(schema: dict[str, Any]) -> None:
    assert schema["$id"] == "urn:onyx:event:SchemaProbe.v1"
    assert schema["description"] == "Probed by this test."
    assert schema["properties"]["type"] == {"const": "SchemaProbe.v1"}
    assert schema["properties"]["source"] == {"const": "onyx.test"}
    assert {"id", "tenantid", "time", "data"} <= set(schema["required"])
    data = schema["properties"]["data"]
    assert data["required"] == ["probe_id", "parts"]
    assert schema["$defs"]["Part"]["properties"]["amount"]["type"] == "string"
    assert data["properties"]["parts"]["items"] == {"$ref": "#/$defs/Part"}


def test_schemas_are_written_per_event_of_a_package(tmp_path: Path) -> None:
    package = SchemaProbe.__module__.rpartition(".")[0]
    written = write_schemas(tmp_path / "events", package)
    assert "SchemaProbe.v1.json" in written
    assert "SchemaProbe.v1.json" not in all_schemas("services")
    for name in written:
        text = (tmp_path / "events" / name).read_text()
        assert text == schema_text(json.loads(text))


def test_every_domain_s_events_are_found_by_the_command(tmp_path: Path) -> None:
    # In its own process: here the tests' events are registered as well.
    done = subprocess.run(
        [sys.executable, "-m", "shared.schemas", str(tmp_path)], capture_output=True, text=True, check=True
    )
    names = done.stdout.split()
    assert names == sorted(path.name for path in tmp_path.iterdir())
    for name in names:
        assert json.loads((tmp_path / name).read_text())["title"] == name.removesuffix(".json")


def test_the_command_needs_a_folder(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "usage" in capsys.readouterr().err


def test_the_same_schema_breaks_nothing(schema: dict[str, Any]) -> None:
    assert breaking_changes(schema, copy.deepcopy(schema)) == []


def test_an_added_optional_field_breaks_nothing(schema: dict[str, Any]) -> None:
    new = copy.deepcopy(schema)
    new["properties"]["data"]["properties"]["added"] = {"type": "string"}
    new["$defs"]["Part"]["properties"]["added"] = {"type": "integer"}
    new["description"] = "Other words."
    assert breaking_changes(schema, new) == []


def _drop_field(new: dict[str, Any]) -> None:
    del new["$defs"]["Part"]["properties"]["name"]


def _change_type(new: dict[str, Any]) -> None:
    new["$defs"]["Part"]["properties"]["name"]["type"] = "integer"


def _require_more(new: dict[str, Any]) -> None:
    new["properties"]["data"]["properties"]["extra"] = {"type": "string"}
    new["properties"]["data"]["required"].append("extra")


def _require_less(new: dict[str, Any]) -> None:
    new["properties"]["data"]["required"].remove("parts")


def _restrict(new: dict[str, Any]) -> None:
    new["properties"]["data"]["properties"]["probe_id"]["maxLength"] = 3


def _other_source(new: dict[str, Any]) -> None:
    new["properties"]["source"]["const"] = "onyx.else"


def _no_longer_null(new: dict[str, Any]) -> None:
    new["properties"]["data"]["properties"]["note"]["anyOf"].pop()


def _item_type(new: dict[str, Any]) -> None:
    new["properties"]["data"]["properties"]["parts"]["items"] = {"type": "string"}


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (_drop_field, "$.data.parts.items.name: removed"),
        (_change_type, "$.data.parts.items.name"),
        (_require_more, "$.data.extra: now required"),
        (_require_less, "$.data.parts: no longer required"),
        (_restrict, "$.data.probe_id.maxLength"),
        (_other_source, "$.source.const"),
        (_no_longer_null, "$.data.note.anyOf"),
        (_item_type, "$.data.parts.items"),
    ],
)
def test_any_other_change_is_found_and_named(schema: dict[str, Any], change: Any, where: str) -> None:
    new = copy.deepcopy(schema)
    change(new)
    found = breaking_changes(schema, new)
    assert found
    assert any(each.startswith(where) for each in found), found


def test_a_recursive_definition_ends() -> None:
    tree = {
        "$defs": {"Node": {"type": "object", "properties": {"child": {"$ref": "#/$defs/Node"}}}},
        "properties": {"root": {"$ref": "#/$defs/Node"}},
    }
    assert breaking_changes(tree, copy.deepcopy(tree)) == []
