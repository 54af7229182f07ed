"""An action of another service: asked for by ActionRequested, awaited with a task token.

The request leaves in the transaction that journals it, so no attempt is ever half asked for. The answer is
journaled by `application/answers.py`, and told through the token.
"""

from dataclasses import replace
from datetime import timedelta

from services.workflow.application.runtime import Call, Runtime, save
from services.workflow.application.steps.attempts import kind_of, needs_attention
from services.workflow.domain.definition import ActionStep
from services.workflow.domain.effects import after_failure, failed, lost
from services.workflow.domain.run import StepRecord, StepStatus
from shared.actions import Action, ActionRequested, Idempotency

_TOKENS_KEPT = 3


def attempt(runtime: Runtime, call: Call, step: ActionStep, action: Action, record: StepRecord) -> StepRecord:
    """Ask, or note who waits for the answer of what was asked."""
    if call.request.token is None:
        failure = call.failure("TOKEN_MISSING", f"{action.name} is asked for without a task token")
        return save(runtime, call.tenant, failed(record, failure, call.now))
    if record.status is StepStatus.WAITING:
        return awaited(runtime, call, record)
    begun = replace(
        record,
        status=StepStatus.WAITING,
        attempt=record.attempt + 1,
        started_at=call.now,
        retry_at=None,
        token=call.request.token,
        earlier_tokens=(),
    )
    request = ActionRequested(
        action=action.name,
        effect_key=begun.effect_key,
        run_id=begun.run,
        step=begun.step,
        attempt=begun.attempt,
        input=dict(begun.input or {}),
        # Not who started the run: a webhook or an event has no rights, and its sender is not to have any.
        requested_by=call.published.published_by,
        deadline=call.now + timedelta(seconds=step.timeout),
    )
    runtime.failpoint("action is due")
    saved = save(runtime, call.tenant, begun, (request,))
    runtime.failpoint("action asked for")
    return saved


def awaited(runtime: Runtime, call: Call, record: StepRecord) -> StepRecord:
    """The record with the token of this call. An answer is told to the earlier ones too: which of two calls
    is still waited for cannot be known here."""
    token = call.request.token
    if token is None or token == record.token or token in record.earlier_tokens:
        return record
    earlier = (record.token, *record.earlier_tokens) if record.token else record.earlier_tokens
    return save(runtime, call.tenant, replace(record, token=token, earlier_tokens=earlier[:_TOKENS_KEPT]))


def timed_out(
    runtime: Runtime, call: Call, step: ActionStep, action: Action, record: StepRecord
) -> StepRecord:
    """Nobody answered within the step's timeout. What is not repeatable may have happened: a person says."""
    if record.status is not StepStatus.WAITING:
        return record
    # Nobody waits for the token any more.
    record = replace(record, token=None, earlier_tokens=())
    if kind_of(runtime.registry, action, record) is Idempotency.NEITHER:
        ended = lost(record, call.now)
    else:
        message = f"{action.name} did not answer within {step.timeout} seconds"
        failure = call.failure("ACTION_TIMEOUT", message, retryable=True)
        ended = after_failure(
            record, failure, step.retry, kind_of(runtime.registry, action, record), runtime.uniform, call.now
        )
    return save(runtime, call.tenant, ended, needs_attention(call.tenant, call.run, ended))
