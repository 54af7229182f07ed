"""What is wrong with triggers and inputs beyond their shape."""

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from services.workflow import events
from services.workflow.domain.cron import parse_cron
from services.workflow.domain.fields import check_fields
from services.workflow.domain.parsing.build import field_of
from services.workflow.domain.parsing.check_expressions import TRIGGER_SIGHT, Expressions
from services.workflow.domain.parsing.findings import Findings
from services.workflow.domain.parsing.shapes import Item
from services.workflow.domain.pattern_checks import check
from services.workflow.domain.patterns import matches
from shared.actions import ActionFinished, ActionProgressed, ActionRequested, Field, Kind
from shared.errors import Unprocessable

_OWN = frozenset(
    each.detail_type()
    for each in vars(events).values()
    if isinstance(each, type) and issubclass(each, events.WorkflowEvent) and hasattr(each, "type")
)
"""The events of runs: they name their workflow."""
_OF_ACTIONS = frozenset(each.detail_type() for each in (ActionRequested, ActionProgressed, ActionFinished))


def check_inputs(workflow: Item, findings: Findings) -> dict[str, Field]:
    """The workflow's inputs as fields."""
    fields = {}
    for name, item in workflow.get("inputs", {}).items():
        if "type" not in item:
            continue
        fields[name] = field = field_of(item)
        if field.one_of and field.kind is not Kind.STRING:
            findings.add(item.at("one_of"), "BAD_VALUE", "one_of is for inputs of the type string")
        elif field.default is not None:
            for found in check_fields({name: field}, {name: field.default}):
                findings.add(item.at("default"), found.code, found.message)
    return fields


def check_triggers(
    workflow: Item, inputs: Mapping[str, Field], expressions: Expressions, findings: Findings
) -> None:
    taken: set[str] = set()
    for item in workflow.get("triggers", ()):
        name = item.get("name")
        if name in taken:
            findings.add(item.at("name"), "DUPLICATE_TRIGGER", f"the trigger name '{name}' is taken")
        if name:
            taken.add(name)
        expressions.expression(item.get("when"), item.at("when"), TRIGGER_SIGHT)
        expressions.template(item.get("inputs"), item.at("inputs"), TRIGGER_SIGHT)
        if item.kind != "manual" and "inputs" not in item.wrong:
            for found in check_fields(inputs, item.get("inputs", {}), templates=True):
                findings.add(
                    f"{item.at('inputs')}.{found.path}", _CODES.get(found.code, found.code), found.message
                )
        if item.kind == "event":
            _event(item, workflow.get("id", ""), findings)
        if item.kind == "cron":
            _cron(item, findings)


_DAILY = "0 8 * * ? *"
_CODES = {"UNKNOWN_FIELD": "UNKNOWN_INPUT", "MISSING_FIELD": "MISSING_INPUT"}


def _cron(item: Item, findings: Findings) -> None:
    try:
        parse_cron(" ".join(item.get("cron", _DAILY).split()))
    except (Unprocessable, ValueError) as error:
        findings.add(item.at("cron"), "BAD_CRON", f"cron: {error} (such as {_DAILY})")
    timezone = item.get("timezone", "UTC")
    try:
        ZoneInfo(timezone)
    except (ValueError, OSError, KeyError):
        message = f"'{timezone}' is no IANA time zone, such as Europe/Lisbon or UTC"
        findings.add(item.at("timezone"), "BAD_TIMEZONE", message)


def _event(item: Item, own: str, findings: Findings) -> None:
    pattern = item.get("pattern", {})
    wrong = check(pattern)
    for found in wrong:
        path = f"{item.at('pattern')}.{found.path}" if found.path else item.at("pattern")
        findings.add(path, "BAD_PATTERN", found.message)
    type = item.get("event")
    if type in _OF_ACTIONS:
        message = f"{type} is how steps ask for actions: a workflow that it starts would start itself"
        findings.add(item.at("event"), "WORKFLOW_LOOP", message)
    if type in _OWN and not wrong and "pattern" not in item.wrong and _loops(pattern, own):
        message = (
            "the workflow would start itself: name the workflows whose runs it is about"
            " (pattern: {workflow: [other]}, or {workflow: [{anything-but: [" + own + "]}]})"
        )
        findings.add(item.at("event"), "WORKFLOW_LOOP", message)


def _loops(pattern: Mapping[str, Any], own: str) -> bool:
    """Whether the pattern lets events of the workflow itself pass."""
    about = {"workflow": pattern["workflow"]} if "workflow" in pattern else {}
    return matches(about, {"workflow": own})
