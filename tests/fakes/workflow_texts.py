"""A definition as its author would write it: what the parser reads back."""

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from services.workflow.domain import durations
from services.workflow.domain.definition import (
    ActionStep,
    ApprovalStep,
    ChoiceStep,
    Definition,
    ForEachStep,
    ParallelStep,
    Retry,
    Step,
    WaitStep,
)
from services.workflow.domain.registry import Registry
from shared.actions import Idempotency, Mode
from tests.fakes.workflow_definitions import ACTIONS

REGISTRY = Registry(ACTIONS.values())


def text_of(definition: Definition) -> str:
    """JSON in the language of workflows. Triggers and limits are left out."""
    document = {
        "id": definition.id,
        "title": definition.title,
        "inputs": {
            name: {"type": field.kind.value, "default": field.default}
            for name, field in definition.inputs.items()
        },
        "timeout": durations.text(definition.timeout),
        "steps": _steps(definition.steps),
        "on_failure": _steps(definition.on_failure),
        "outputs": dict(definition.outputs),
    }
    return json.dumps(document, indent=1)


def _steps(steps: Iterable[Step]) -> list[dict[str, Any]]:
    return [_some({"id": step.id, "when": step.when} | _step(step)) for step in steps]


def _some(values: dict[str, Any]) -> dict[str, Any]:
    return {name: each for name, each in values.items() if each is not None}


def _time(seconds: int | None) -> str | None:
    return None if seconds is None else durations.text(seconds)


def _step(step: Step) -> dict[str, Any]:
    match step:
        case ActionStep():
            return {
                "action": step.action,
                "with": dict(step.with_),
                "timeout": _time(step.timeout),
                "heartbeat": _time(step.heartbeat),
                "retry": _retry(step.retry),
                "on_failure": _steps(step.on_failure),
            }
        case WaitStep():
            return {"wait": _time(step.seconds), "wait_until": step.until}
        case ApprovalStep():
            approval = {
                "message": step.message,
                "roles": list(step.roles),
                "count": step.count,
                "expires": _time(step.expires),
                "reminders": _time(step.reminders),
                "on_expiry": _steps(step.on_expiry),
            }
            return {"approval": _some(approval)}
        case ChoiceStep():
            cases = [each for each in step.branches if each.when is not None]
            otherwise = [each for each in step.branches if each.when is None]
            return {
                "choice": [{"when": each.when, "steps": _steps(each.steps)} for each in cases],
                "otherwise": _steps(otherwise[0].steps) if otherwise else None,
            }
        case ParallelStep():
            return {"parallel": [{"steps": _steps(each.steps)} for each in step.branches]}
        case ForEachStep():
            return {
                "for_each": step.items,
                "steps": _steps(step.steps),
                "max_items": step.max_items,
                "concurrency": step.concurrency,
            }


def _retry(retry: Retry) -> dict[str, Any]:
    return {
        "attempts": retry.attempts,
        "delay": _time(retry.delay),
        "backoff": retry.backoff,
        "max_delay": _time(retry.max_delay),
        "jitter": retry.jitter.value,
    }


def as_language_allows(definition: Definition) -> Definition:
    """The definition without what the model holds and the language refuses."""
    return replace(definition, steps=_allowed(definition.steps), on_failure=_allowed(definition.on_failure))


def _allowed(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    return tuple(_allow(step) for step in steps)


def _allow(step: Step) -> Step:
    match step:
        case ActionStep():
            action = ACTIONS[step.action]
            beats = action.mode is Mode.EVENT and step.timeout > 10
            once = action.idempotency is Idempotency.NEITHER
            return replace(
                step,
                heartbeat=10 if beats and step.heartbeat else None,
                retry=replace(step.retry, attempts=1 if once else step.retry.attempts),
                on_failure=_allowed(step.on_failure),
            )
        case WaitStep():
            return replace(step, seconds=max(1, step.seconds)) if step.seconds is not None else step
        case ApprovalStep():
            reminders = 60 if step.reminders and step.expires > 60 else None
            return replace(step, reminders=reminders, on_expiry=_allowed(step.on_expiry))
        case ChoiceStep():
            [*cases, last] = [replace(each, steps=_allowed(each.steps)) for each in step.branches]
            return replace(step, branches=(*cases, last) if cases else (replace(last, when="inputs.n"),))
        case ParallelStep():
            branches = (replace(each, steps=_allowed(each.steps)) for each in step.branches)
            return replace(step, branches=tuple(branches))
        case ForEachStep():
            return replace(step, steps=_allowed(step.steps))
