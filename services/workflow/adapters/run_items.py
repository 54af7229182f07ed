"""Runs as rows, and back. What is the tenant's own (inputs, event, outputs) is JSON text: DynamoDB's own
types end at 32 levels and 38 digits."""

import json
from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from typing import Any

from services.workflow.adapters.packed_text import pack, unpack
from services.workflow.domain.run import Failure, Run, RunStatus
from shared.clock import iso
from shared.json_text import dumps

Item = dict[str, Any]
_MOMENTS = frozenset({"created_at", "started_at", "ended_at", "deadline", "not_before"})
_TEXTS = frozenset({"inputs", "event", "outputs"})
_NAMED = {"version": "workflow_version"}
"""`version` is the row's own."""


def run_item(run: Run) -> Item:
    item: Item = {}
    for each in fields(Run):
        value = getattr(run, each.name)
        if each.name == "rowversion" or value is None:
            continue
        item[_NAMED.get(each.name, each.name)] = _written(each.name, value)
    return item


def run_of(item: Mapping[str, Any]) -> Run:
    said = {
        each.name: _read(each.name, item[name])
        for each in fields(Run)
        if (name := _NAMED.get(each.name, each.name)) in item
    }
    return Run(**said, rowversion=int(item["version"]))


def _written(name: str, value: Any) -> Any:
    if name in _MOMENTS:
        return iso(value)
    if name in _TEXTS:
        return pack(dumps(value))
    if isinstance(value, Failure):
        return {each.name: getattr(value, each.name) for each in fields(Failure)}
    if isinstance(value, tuple):
        return list(value)
    return value.value if isinstance(value, RunStatus) else value


def _read(name: str, value: Any) -> Any:
    if name in _MOMENTS:
        return datetime.fromisoformat(value)
    if name in _TEXTS:
        # A number with a point was written as text; one that somebody else wrote stays exact.
        return json.loads(unpack(value), parse_float=Decimal)
    if name == "failure":
        return Failure(**value)
    if name == "requesters":
        return tuple(value)
    return RunStatus(value) if name == "status" else value
