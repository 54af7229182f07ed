"""JSON Schemas of the events, as they are checked in: `python -m shared.schemas docs/events`.

One file per detail-type (`BillIngested.v1.json`): the envelope with the event's data. A change within a
version may only add optional fields: `shared.schema_changes` finds any other.
"""

import importlib
import importlib.util
import json
import pkgutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from shared.events import Envelope, Event, data_schema, registered_events

DOMAINS = "services"
SHARED = ("shared.actions", "shared.sweeps")
"""The modules of events that every domain sends alike."""

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_of(event: type[Event]) -> dict[str, Any]:
    """The JSON Schema (2020-12) of the whole message: the envelope whose `data` is this event."""
    schema = Envelope.model_json_schema(mode="serialization")
    data = event.model_json_schema(mode="serialization", ref_template="#/$defs/{model}")
    definitions = data.pop("$defs", {})
    properties = schema["properties"]
    properties["type"] = {"const": event.detail_type()}
    properties["source"] = {"const": event.source}
    properties["dataschema"] = {"const": data_schema(event)}
    properties["data"] = data
    if event.subject_field is not None:
        properties["subject"]["description"] = f"data.{event.subject_field}"
    document = {
        "$schema": _DIALECT,
        "$id": data_schema(event),
        "title": event.detail_type(),
        "description": (event.__doc__ or "").strip(),
        "type": "object",
        "required": schema["required"],
        "properties": properties,
    }
    return document | ({"$defs": definitions} if definitions else {})


def all_schemas(package: str = DOMAINS) -> dict[str, dict[str, Any]]:
    """By file name, the schema of every registered event that `package` declares; the domains' include the
    shared ones."""
    return {
        f"{name}.json": schema_of(event)
        for name, event in registered_events().items()
        if event.__module__.startswith(f"{package}.") or (package == DOMAINS and event.__module__ in SHARED)
    }


def schema_text(schema: Mapping[str, Any]) -> str:
    """A schema as it is written to its file: the same text for the same schema."""
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def import_events(package: str = DOMAINS) -> list[str]:
    """Import `<package>.<domain>.events` of every domain: its events register. Returns the modules."""
    root = importlib.import_module(package)
    if package == DOMAINS:
        for each in SHARED:
            importlib.import_module(each)
    found = []
    for domain in pkgutil.iter_modules(root.__path__, f"{package}."):
        name = f"{domain.name}.events"
        if domain.ispkg and importlib.util.find_spec(name) is not None:
            importlib.import_module(name)
            found.append(name)
    return found


def write_schemas(folder: Path, package: str = DOMAINS) -> list[str]:
    """Write the schema of every event that `package` declares into `folder`; returns the file names.

    A file of an event that no longer exists stays: removing a published contract is a person's decision.
    """
    folder.mkdir(parents=True, exist_ok=True)
    documents = all_schemas(package)
    for name, schema in documents.items():
        (folder / name).write_text(schema_text(schema), encoding="utf-8")
    return list(documents)


def main(arguments: Sequence[str]) -> int:
    """Write the schemas of every domain's events into the folder that is named."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m shared.schemas FOLDER\n")
        return 2
    import_events()
    for name in write_schemas(Path(arguments[0])):
        sys.stdout.write(f"{name}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
