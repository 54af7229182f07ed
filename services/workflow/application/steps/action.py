"""An action step: its input is made once, then it is done here (`inline`) or asked for (`asked`)."""

from dataclasses import replace

from services.workflow.application.runtime import Call, Runtime, save
from services.workflow.application.scope import rendered
from services.workflow.application.steps import asked, inline
from services.workflow.application.steps.attempts import kind_of
from services.workflow.domain.definition import ActionStep
from services.workflow.domain.effects import failed, is_due, patience_ends
from services.workflow.domain.fields import check_fields, with_defaults
from services.workflow.domain.run import StepRecord, StepStatus
from shared.actions import Action, Idempotency, Mode
from shared.json_text import dumps

MOST_INPUT = 100_000
"""Bytes of JSON. An event has room for 256 KB with everything round it, a row for 400 KB."""


def act(runtime: Runtime, call: Call, step: ActionStep, record: StepRecord | None) -> StepRecord:
    """One attempt, or word of the one that is under way. Raises UnknownAction, ExpressionError."""
    action = runtime.registry.get(step.action)
    if record is not None and record.status is StepStatus.UNKNOWN:
        if kind_of(runtime.registry, action, record) is Idempotency.NEITHER:
            return _parked(runtime, call, step, record)
        record = replace(record, status=StepStatus.RETRYING, attempt=0, retry_at=None)
    if record is not None and record.status is StepStatus.RETRYING and not is_due(record, call.now):
        return record
    if record is None or record.input is None:
        record = _with_input(runtime, call, step, action, record)
        if record.status is StepStatus.FAILED:
            return record
    handle = inline.attempt if action.mode is Mode.INLINE else asked.attempt
    return handle(runtime, call, step, action, record)


def _with_input(
    runtime: Runtime, call: Call, step: ActionStep, action: Action, record: StepRecord | None
) -> StepRecord:
    """The record with the input that all attempts have: one key, one input."""
    begun = record or call.new_record(StepStatus.RETRYING)
    given = rendered(runtime, call, step.with_)
    wrong = [each.message for each in check_fields(action.input, given, open=action.open)]
    if len(dumps(given).encode()) > MOST_INPUT:
        wrong = [f"it has more than {MOST_INPUT} bytes; pass what is large by its address"]
    if wrong:
        return refused(runtime, call, begun, "ACTION_INPUT_INVALID", f"{step.action}: {'; '.join(wrong)}")
    return replace(begun, input=with_defaults(action.input, given))


def refused(runtime: Runtime, call: Call, record: StepRecord, code: str, message: str) -> StepRecord:
    return save(runtime, call.tenant, failed(record, call.failure(code, message), call.now))


def _parked(runtime: Runtime, call: Call, step: ActionStep, record: StepRecord) -> StepRecord:
    """A person has not said yet what became of the effect: the step goes on waiting, to the end of its
    patience."""
    until = patience_ends(record, step.timeout, call.run.deadline)
    if call.now < until:
        return replace(record, retry_at=until)
    return refused(runtime, call, record, "EFFECT_UNKNOWN", "nobody told in time whether the effect happened")
