"""From a text that was found right to the definition."""

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
    Step,
    Trigger,
    WaitStep,
    WebhookTrigger,
)
from services.workflow.domain.parsing.shapes import Item
from services.workflow.domain.registry import Registry
from shared.actions import Field, Idempotency, Kind


def definition(item: Item, registry: Registry) -> Definition:
    """Of a workflow without findings."""
    return Definition(
        id=item["id"],
        title=item["title"],
        steps=_steps(item["steps"], registry),
        inputs={name: field_of(each) for name, each in item.get("inputs", {}).items()},
        outputs=dict(item.get("outputs", {})),
        triggers=tuple(_trigger(each) for each in item.get("triggers", ())),
        limits=_limits(item.get("limits", {})),
        on_failure=_steps(item.get("on_failure", ()), registry),
        **_given(item, "description", "timeout"),
    )


def field_of(item: Item) -> Field:
    """A workflow's input."""
    return Field(
        Kind(item["type"]),
        item.get("description", ""),
        item.get("required", False),
        item.get("default"),
        tuple(item.get("one_of", ())),
    )


def _given(item: Any, *names: str) -> dict[str, Any]:
    """What was written of `names`: the rest keeps the model's defaults."""
    return {name: item[name] for name in names if name in item}


def _limits(item: Any) -> Limits:
    on_limit: dict[str, Any] = {"on_limit": OnLimit(item["on_limit"])} if "on_limit" in item else {}
    return Limits(**_given(item, "concurrency", "per_minute"), **on_limit)


def _trigger(item: Item) -> Trigger:
    name = item["name"]
    inputs = dict(item.get("inputs", {}))
    match item.kind:
        case "event":
            pattern = dict(item.get("pattern", {}))
            return EventTrigger(name, item["event"], pattern, item.get("when"), inputs)
        case "cron":
            missed = {"missed": Missed(item["missed"])} if "missed" in item else {}
            cron = " ".join(item["cron"].split())
            return CronTrigger(name, cron, **_given(item, "timezone"), **missed, inputs=inputs)
        case "webhook":
            return WebhookTrigger(name, item.get("when"), inputs)
        case _:
            return ManualTrigger(name)


def _steps(items: Any, registry: Registry) -> tuple[Step, ...]:
    return tuple(_step(each, registry) for each in items)


def _step(item: Item, registry: Registry) -> Step:
    common = {"id": item["id"], "when": item.get("when")}
    match item.kind:
        case "action":
            return _action(item, common, registry)
        case "wait":
            return WaitStep(seconds=item["wait"], **common)
        case "wait_until":
            return WaitStep(until=item["wait_until"], **common)
        case "approval":
            return _approval(item["approval"], common, registry)
        case "choice":
            cases = [Branch(_steps(each["steps"], registry), each["when"]) for each in item["choice"]]
            if item.get("otherwise"):
                cases.append(Branch(_steps(item["otherwise"], registry)))
            return ChoiceStep(branches=tuple(cases), **common)
        case "parallel":
            branches = tuple(Branch(_steps(each["steps"], registry)) for each in item["parallel"])
            return ParallelStep(branches=branches, **common)
        case _:
            return ForEachStep(
                items=item["for_each"],
                steps=_steps(item["steps"], registry),
                **_given(item, "max_items", "concurrency"),
                **common,
            )


def _action(item: Item, common: dict[str, Any], registry: Registry) -> ActionStep:
    action = registry.get(item["action"])
    with_ = dict(item.get("with", {}))
    once = registry.idempotency(action, with_) is Idempotency.NEITHER
    return ActionStep(
        action=action.name,
        with_=with_,
        timeout=item.get("timeout", action.timeout_seconds),
        retry=_retry(item.get("retry", {}), attempts=1 if once else Retry.attempts),
        on_failure=_steps(item.get("on_failure", ()), registry),
        **_given(item, "credential", "heartbeat"),
        **common,
    )


def _retry(item: Any, *, attempts: int) -> Retry:
    jitter = {"jitter": Jitter(item["jitter"])} if "jitter" in item else {}
    return Retry(
        **{"attempts": attempts} | _given(item, "attempts", "delay", "backoff", "max_delay") | jitter
    )


def _approval(item: Item, common: dict[str, Any], registry: Registry) -> ApprovalStep:
    lists: dict[str, Any] = {name: tuple(item[name]) for name in ("roles", "subjects") if name in item}
    if "subjects" in item:
        # Who names people means them, not everybody with the usual role.
        lists.setdefault("roles", ())
    return ApprovalStep(
        message=item["message"],
        on_expiry=_steps(item.get("on_expiry", ()), registry),
        **_given(item, "count", "expires", "reminders"),
        **lists,
        **common,
    )
