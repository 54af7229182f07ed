"""A definition as JSON, as it is kept with its published version.

Runs are pinned to what was published. Parsing the source again would read it by today's rules, defaults and
actions, and might refuse it: so what was parsed is kept. Readers take every document that was ever written: a
field that is missing has its default, and one that is not known is passed over.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields
from decimal import Decimal
from enum import Enum
from typing import Any

from services.workflow.domain.definition import (
    ActionStep,
    ApprovalStep,
    Branch,
    ChoiceStep,
    CronTrigger,
    Definition,
    EventTrigger,
    ForEachStep,
    Jitter,
    Limits,
    ManualTrigger,
    Missed,
    OnLimit,
    ParallelStep,
    Retry,
    WaitStep,
    WebhookTrigger,
)
from shared.actions import Field, Kind
from shared.money import parse_decimal

_IS = "is"
"""The key that says which of several classes an object is."""
_ESCAPE = "$"
"""The key of an object that stands for what JSON lacks (a decimal), or for an object that has this key."""

_STEPS: Mapping[str, type] = {
    "action": ActionStep,
    "approval": ApprovalStep,
    "choice": ChoiceStep,
    "for_each": ForEachStep,
    "parallel": ParallelStep,
    "wait": WaitStep,
}
_TRIGGERS: Mapping[str, type] = {
    "cron": CronTrigger,
    "event": EventTrigger,
    "manual": ManualTrigger,
    "webhook": WebhookTrigger,
}
_NAMES = {type: name for name, type in (*_STEPS.items(), *_TRIGGERS.items())}


def to_document(definition: Definition) -> dict[str, Any]:
    """The definition in JSON's own types."""
    document: dict[str, Any] = _written(definition)
    return document


def from_document(document: Mapping[str, Any]) -> Definition:
    """What `to_document` wrote, in this version or an earlier one. Raises KeyError, TypeError or ValueError
    for anything else."""
    definition: Definition = _read(Definition, document)
    return definition


def _written(value: Any) -> Any:
    match value:
        case Enum():
            return value.value
        case Decimal():
            return {_ESCAPE: "decimal", "value": str(value)}
        case Mapping():
            written = {key: _written(each) for key, each in value.items()}
            return {_ESCAPE: "object", "value": written} if _ESCAPE in written else written
        case list() | tuple():
            return [_written(each) for each in value]
        case None | bool() | int() | str():
            return value
        case _:
            name = _NAMES.get(type(value))
            written = {each.name: _written(getattr(value, each.name)) for each in fields(value)}
            return ({_IS: name} if name else {}) | written


def _read(type: type[Any], document: Mapping[str, Any]) -> Any:
    special = _READERS.get(type, {})
    known = [each.name for each in fields(type) if each.name in document]
    return type(**{name: special.get(name, _value)(document[name]) for name in known})


def _value(written: Any) -> Any:
    match written:
        case {"$": "decimal", "value": text}:
            return parse_decimal(text)
        case {"$": "object", "value": inner}:
            return {key: _value(each) for key, each in inner.items()}
        case Mapping():
            return {key: _value(each) for key, each in written.items()}
        case list():
            return [_value(each) for each in written]
        case _:
            return written


def _one(type: type[Any]) -> Callable[[Any], Any]:
    return lambda written: _read(type, written)


def _many(type: type[Any]) -> Callable[[Any], Any]:
    return lambda written: tuple(_read(type, each) for each in written)


def _by_name(type: type[Any]) -> Callable[[Any], Any]:
    return lambda written: {name: _read(type, each) for name, each in written.items()}


def _told_apart(types: Mapping[str, type]) -> Callable[[Any], Any]:
    return lambda written: tuple(_read(types[each[_IS]], each) for each in written)


_steps = _told_apart(_STEPS)
_READERS: Mapping[type, Mapping[str, Callable[[Any], Any]]] = {
    Definition: {
        "steps": _steps,
        "on_failure": _steps,
        "inputs": _by_name(Field),
        "triggers": _told_apart(_TRIGGERS),
        "limits": _one(Limits),
    },
    ActionStep: {"retry": _one(Retry), "on_failure": _steps},
    ApprovalStep: {"roles": tuple, "subjects": tuple, "on_expiry": _steps},
    ChoiceStep: {"branches": _many(Branch)},
    ParallelStep: {"branches": _many(Branch)},
    ForEachStep: {"steps": _steps},
    Branch: {"steps": _steps},
    Retry: {"jitter": Jitter},
    Limits: {"on_limit": OnLimit},
    CronTrigger: {"missed": Missed},
    Field: {"kind": Kind, "one_of": tuple},
}
