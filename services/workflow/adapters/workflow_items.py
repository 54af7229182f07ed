"""Workflows and triggers as rows, and back."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from services.workflow.domain.definition import (
    CronTrigger,
    EventTrigger,
    ManualTrigger,
    Missed,
    Trigger,
    WebhookTrigger,
)
from services.workflow.domain.workflow import GlobalTrigger, Publication, TriggerSet, Workflow
from shared.clock import iso

Item = dict[str, Any]


def workflow_item(workflow: Workflow) -> Item:
    on_its_way = workflow.publishing
    return {
        "workflow": workflow.id,
        "title": workflow.title,
        "updated_at": iso(workflow.updated_at),
        "updated_by": workflow.updated_by,
        "current": workflow.current,
        "content": workflow.content,
        "reserved": workflow.reserved,
        "publishing": None
        if on_its_way is None
        else {
            "version": on_its_way.version,
            "content": on_its_way.content,
            "by": on_its_way.by,
            "at": iso(on_its_way.at),
        },
        "paused": workflow.paused,
        "deleted": workflow.deleted,
        "machine": workflow.machine,
    }


def workflow_of(item: Mapping[str, Any]) -> Workflow:
    on_its_way = item["publishing"]
    return Workflow(
        id=item["workflow"],
        title=item["title"],
        updated_at=datetime.fromisoformat(item["updated_at"]),
        updated_by=item["updated_by"],
        current=item["current"],
        content=item["content"],
        reserved=item["reserved"],
        publishing=None
        if on_its_way is None
        else Publication(**{**on_its_way, "at": datetime.fromisoformat(on_its_way["at"])}),
        paused=item["paused"],
        deleted=item["deleted"],
        machine=item["machine"],
        rowversion=int(item["version"]),
    )


def trigger_set_item(triggers: TriggerSet) -> Item:
    return {
        "workflow": triggers.workflow,
        "workflow_version": triggers.version,
        "triggers": [_trigger_item(each) for each in triggers.triggers],
        "since": iso(triggers.since),
        "by": triggers.by,
        "active": triggers.active,
        "unchanged": {name: iso(since) for name, since in triggers.unchanged.items()},
    }


def trigger_set_of(item: Mapping[str, Any]) -> TriggerSet:
    return TriggerSet(
        workflow=item["workflow"],
        version=item["workflow_version"],
        triggers=tuple(_trigger_of(each) for each in item["triggers"]),
        since=datetime.fromisoformat(item["since"]),
        by=item["by"],
        active=item["active"],
        unchanged={name: datetime.fromisoformat(since) for name, since in item["unchanged"].items()},
    )


def global_trigger_item(trigger: GlobalTrigger) -> Item:
    return {
        "name": trigger.name,
        "type": trigger.type,
        "workflow": trigger.workflow,
        "pattern": exact(trigger.pattern),
        "inputs": exact(trigger.inputs),
    }


def global_trigger_of(item: Mapping[str, Any]) -> GlobalTrigger:
    return GlobalTrigger(item["name"], item["type"], item["workflow"], item["pattern"], item["inputs"])


def _trigger_item(trigger: Trigger) -> Item:
    match trigger:
        case EventTrigger():
            said = {"type": trigger.type, "pattern": exact(trigger.pattern), "when": trigger.when}
            return {"kind": "event", "name": trigger.name, **said, "inputs": exact(trigger.inputs)}
        case CronTrigger():
            said = {"cron": trigger.cron, "timezone": trigger.timezone, "missed": trigger.missed.value}
            return {"kind": "cron", "name": trigger.name, **said, "inputs": exact(trigger.inputs)}
        case WebhookTrigger():
            inputs = exact(trigger.inputs)
            return {"kind": "webhook", "name": trigger.name, "when": trigger.when, "inputs": inputs}
        case ManualTrigger():
            return {"kind": "manual", "name": trigger.name}


def _trigger_of(item: Mapping[str, Any]) -> Trigger:
    said = {name: value for name, value in item.items() if name != "kind"}
    match item["kind"]:
        case "event":
            return EventTrigger(**said)
        case "cron":
            return CronTrigger(**{**said, "missed": Missed(said["missed"])})
        case "webhook":
            return WebhookTrigger(**said)
        case "manual":
            return ManualTrigger(**said)
        case kind:
            raise ValueError(f"a trigger of kind {kind!r}")


def exact(value: Any) -> Any:
    """Any JSON value as a row holds it: a float as the decimal that its shortest text says."""
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, Mapping):
        return {name: exact(each) for name, each in value.items()}
    return [exact(each) for each in value] if isinstance(value, list | tuple) else value
