"""An action that runs within the dispatcher's own call.

The attempt is journaled before its effect, with a lease. Whoever finds it after the lease knows that it died,
and does what the action's class allows: again with the same key, a search by the key first, or a question to
a person.
"""

from dataclasses import replace

from services.workflow.application.runtime import Call, Runtime, save
from services.workflow.application.steps.attempts import (
    answered,
    kind_of,
    lease,
    needs_attention,
    seconds_of,
)
from services.workflow.domain.definition import ActionStep
from services.workflow.domain.effects import MOST_LOST, after_failure, failed, is_due, lost
from services.workflow.domain.run import StepRecord, StepStatus
from services.workflow.domain.runtime_ports import ActionCall, ActionFailed, InlineAction
from shared.actions import Action, Idempotency
from shared.errors import NotFound
from shared.observability import logger


def attempt(runtime: Runtime, call: Call, step: ActionStep, action: Action, record: StepRecord) -> StepRecord:
    """The next attempt and how it ended; or the record as it is, where one is under way."""
    if record.status is StepStatus.STARTED:
        if not is_due(record, call.now):
            return record
        taken = _after_death(runtime, call, action, record)
        if taken.status is not StepStatus.STARTED:
            return taken
        begun = replace(taken, started_at=call.now, retry_at=call.now + lease(step, action))
    else:
        begun = replace(
            record,
            status=StepStatus.STARTED,
            attempt=record.attempt + 1,
            started_at=call.now,
            retry_at=call.now + lease(step, action),
        )
    runtime.failpoint("attempt begins")
    begun = save(runtime, call.tenant, begun)
    runtime.failpoint("attempt journaled")
    ended = _perform(runtime, call, step, action, begun)
    runtime.failpoint("effect done")
    saved = save(runtime, call.tenant, ended, needs_attention(call.tenant, call.run, ended))
    runtime.failpoint("attempt ended")
    return saved


def _after_death(runtime: Runtime, call: Call, action: Action, record: StepRecord) -> StepRecord:
    """What becomes of a step whose attempt died with its lease."""
    if kind_of(runtime.registry, action, record) is Idempotency.NEITHER:
        unknown = lost(record, call.now)
        return save(runtime, call.tenant, unknown, needs_attention(call.tenant, call.run, unknown))
    if record.lost + 1 >= MOST_LOST:
        message = f"{MOST_LOST} attempts ended without a word: the function died or was stopped"
        return save(runtime, call.tenant, failed(record, call.failure("ATTEMPTS_LOST", message), call.now))
    return replace(record, lost=record.lost + 1)


def _perform(
    runtime: Runtime, call: Call, step: ActionStep, action: Action, record: StepRecord
) -> StepRecord:
    asked = ActionCall(
        tenant=call.tenant,
        effect_key=record.effect_key,
        attempt=record.attempt,
        input=record.input or {},
        credential=step.credential,
        seconds=seconds_of(step, action),
    )
    try:
        answer = _done(runtime, action, asked, record)
    except ActionFailed as error:
        return after_failure(
            record,
            call.failure(error.code, error.message, retryable=error.retryable),
            step.retry,
            kind_of(runtime.registry, action, record),
            runtime.uniform,
            runtime.clock.now(),
            unknown=error.unknown,
            retry_after=error.retry_after,
        )
    except Exception as error:  # noqa: BLE001 - whatever an action's code does, its step has an end
        logger.exception("an action's code failed", action=action.name, step=record.step)
        # What it got to do before it failed is as unknown as after a crash.
        failure = call.failure("ACTION_CRASHED", f"{action.name} failed inside: {type(error).__name__}")
        now = runtime.clock.now()
        return after_failure(
            record,
            failure,
            step.retry,
            kind_of(runtime.registry, action, record),
            runtime.uniform,
            now,
            unknown=True,
        )
    return answered(record, action, answer, runtime.clock.now())


def _done(runtime: Runtime, action: Action, asked: ActionCall, record: StepRecord) -> object:
    """The action's output; of an effect that an earlier attempt may have had, what a search finds."""
    inline = _inline(runtime, action)
    earlier = record.attempt > 1 or record.lost > 0 or record.carried_from is not None
    if kind_of(runtime.registry, action, record) is Idempotency.SEARCHABLE and earlier:
        found = inline.search(asked)
        if found is not None:
            return found
    return inline.do(asked)


def _inline(runtime: Runtime, action: Action) -> InlineAction:
    try:
        return runtime.inline[action.name]
    except KeyError as error:
        raise NotFound(f"{action.name} is declared inline and has no code here") from error
