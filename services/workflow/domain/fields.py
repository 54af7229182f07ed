"""Values against declared fields: inputs and outputs of actions, and inputs of workflows."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from services.workflow.domain.expressions import is_template
from services.workflow.domain.names import hint
from shared.actions import Field, Kind
from shared.money import parse_decimal

EXPECTED = {
    Kind.STRING: "a text",
    Kind.INTEGER: "a whole number",
    Kind.DECIMAL: 'a decimal number, such as "12.50"',
    Kind.BOOLEAN: "true or false",
    Kind.TIMESTAMP: "a timestamp with a time zone, such as 2026-01-31T08:00:00Z",
    Kind.LIST: "a list",
    Kind.OBJECT: "a mapping",
    Kind.ANY: "a value",
}


_TEXTS = frozenset({Kind.STRING, Kind.DECIMAL, Kind.TIMESTAMP})
"""Kinds whose values are texts in JSON."""


@dataclass(frozen=True)
class FieldFinding:
    """`path` is below the value that was checked: the field's name."""

    path: str
    code: str
    message: str


def check_fields(
    fields: Mapping[str, Field], value: Mapping[str, Any], *, open: bool = False, templates: bool = False
) -> list[FieldFinding]:
    """What is wrong with `value`: fields that are unknown (not where `open`), missing, or of another kind.

    With `templates`, texts that hold expressions pass as any kind: they are checked when they are rendered.
    Null counts as absent.
    """
    found = []
    for name, each in value.items():
        field = fields.get(name)
        if field is not None:
            found += _check(name, field, each, templates)
        elif not open:
            message = f"there is no field '{name}'{hint(name, fields)}"
            if fields and not message.endswith("?"):
                message += f"; there are {', '.join(fields)}"
            found.append(FieldFinding(name, "UNKNOWN_FIELD", message))
    for name, field in fields.items():
        if field.required and field.default is None and value.get(name) is None:
            message = f"'{name}' is missing: {EXPECTED[field.kind]} is expected"
            found.append(FieldFinding(name, "MISSING_FIELD", message))
    return found


def with_defaults(fields: Mapping[str, Field], value: Mapping[str, Any]) -> dict[str, Any]:
    """The value, with the default of each field that is absent or null, and null where there is none."""
    given = {name: each for name, each in value.items() if each is not None}
    return {name: field.default for name, field in fields.items()} | given


def _check(name: str, field: Field, value: Any, templates: bool) -> list[FieldFinding]:
    if value is None or (templates and isinstance(value, str) and is_template(value)):
        return []
    if not fits(field.kind, value):
        message = f"'{name}': {EXPECTED[field.kind]} is expected, found {_said(value)}"
        return [FieldFinding(name, "WRONG_TYPE", message)]
    if field.one_of and value not in field.one_of:
        near = hint(value, field.one_of) if isinstance(value, str) else ""
        message = f"'{name}': one of {', '.join(field.one_of)} is expected, found {_said(value)}{near}"
        return [FieldFinding(name, "BAD_VALUE", message)]
    return []


def fits(kind: Kind, value: Any) -> bool:
    """Whether the value is of the kind. An integer may come as a Decimal without a fraction (as DynamoDB
    gives it), a decimal as text."""
    match kind:
        case Kind.STRING:
            return isinstance(value, str)
        case Kind.INTEGER:
            whole = isinstance(value, Decimal) and value.is_finite() and value == value.to_integral_value()
            return whole or (isinstance(value, int) and not isinstance(value, bool))
        case Kind.DECIMAL:
            return _is_decimal(value)
        case Kind.BOOLEAN:
            return isinstance(value, bool)
        case Kind.TIMESTAMP:
            return _is_timestamp(value)
        case Kind.LIST:
            return isinstance(value, list | tuple)
        case Kind.OBJECT:
            return isinstance(value, Mapping)
        case Kind.ANY:
            return True


def may_fit(kind: Kind, given: Kind) -> bool:
    """Whether a value that was declared as `given` may be one of `kind`: a text may be a decimal's."""
    return (
        Kind.ANY in (kind, given)
        or kind is given
        or {kind, given} <= _TEXTS
        or ((kind, given) == (Kind.DECIMAL, Kind.INTEGER))
    )


def _is_decimal(value: Any) -> bool:
    if isinstance(value, str):
        try:
            parse_decimal(value)
        except ValueError:
            return False
        return True
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def _is_timestamp(value: Any) -> bool:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return False
    return isinstance(value, datetime) and value.tzinfo is not None


def _said(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return f"the text '{value[:40]}'"
        case list() | tuple():
            return "a list"
        case Mapping():
            return "a mapping"
        case _:
            return f"the number {value}"
