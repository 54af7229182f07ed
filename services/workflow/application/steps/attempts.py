"""What both ways to run an action share: how long an attempt may take, and how one ends."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from services.workflow.domain.definition import ActionStep, Step
from services.workflow.domain.effects import failed, succeeded
from services.workflow.domain.errors import UnknownAction
from services.workflow.domain.fields import check_fields
from services.workflow.domain.registry import Registry
from services.workflow.domain.run import Failure, Run, StepRecord, StepStatus
from services.workflow.events import StepNeedsAttention
from shared.actions import Action, Idempotency
from shared.json_text import plain
from shared.tenancy import TenantId

_GRACE = 5
"""Seconds after which an attempt that should be over surely is."""


def seconds_of(step: ActionStep, action: Action) -> int:
    """How long one attempt may take. What runs here runs in one call of a function; what is asked for may
    take as long as its step says."""
    return min(step.timeout, action.timeout_seconds)


def lease(step: ActionStep, action: Action) -> timedelta:
    """How long an attempt that says nothing may still be at work."""
    return timedelta(seconds=seconds_of(step, action) + _GRACE)


def kind_of(registry: Registry, action: Action, record: StepRecord) -> Idempotency:
    """What may be done where an answer was lost: the action's class, or what the step's author said."""
    return registry.idempotency(action, record.input or {})


def repeatable(registry: Registry, step: Step, record: StepRecord) -> bool:
    """Whether an effect whose answer was lost may be asked for again."""
    try:
        action = registry.get(step.action) if isinstance(step, ActionStep) else None
    except UnknownAction:
        return False
    return action is None or kind_of(registry, action, record) is not Idempotency.NEITHER


def answered(record: StepRecord, action: Action, answer: Any, now: datetime) -> StepRecord:
    """The record after a provider said that it succeeded. An answer that is not of the declared fields fails
    the step for good: the effect happened, and asking again would bring the same."""
    if not isinstance(answer, Mapping):
        wrong = ["the output is no mapping"]
    else:
        wrong = [each.message for each in check_fields(action.output, answer, open=True)]
    if wrong:
        message = f"{action.name} answered what it does not declare: {'; '.join(wrong)}"
        return failed(record, Failure("ACTION_OUTPUT_INVALID", message, record.step, record.at), now)
    # A field that a later version of the action adds is no part of what this one promises.
    return succeeded(record, plain(_declared(action, answer)), now)


def _declared(action: Action, answer: Mapping[str, Any]) -> Mapping[str, Any]:
    return answer if action.open else {name: answer[name] for name in action.output if name in answer}


def needs_attention(tenant: TenantId, run: Run, record: StepRecord) -> tuple[StepNeedsAttention, ...]:
    """The event that leaves with a record of unknown outcome; none of any other."""
    if record.status is not StepStatus.UNKNOWN or record.failure is None:
        return ()
    return (
        StepNeedsAttention(
            tenant=tenant,
            workflow=run.workflow,
            run_id=run.id,
            step=record.step,
            at=record.at,
            effect_key=record.effect_key,
            reason=record.failure.message,
        ),
    )
