"""What is noted when something fails or ends: of a step, and of the run."""

from collections.abc import Iterable
from dataclasses import replace

from services.workflow.application.runtime import Call, Runtime, save
from services.workflow.application.scope import rendered
from services.workflow.application.steps.attempts import needs_attention, repeatable
from services.workflow.domain.carrying import unhandled
from services.workflow.domain.definition import ActionStep
from services.workflow.domain.dispatch import BRANCH_FAILED, Outcome, Reply
from services.workflow.domain.effects import SETTLED, lost, reply_of
from services.workflow.domain.effects import failed as failed_record
from services.workflow.domain.errors import ExpressionError
from services.workflow.domain.run import Failure, Run, RunStatus, StepRecord, StepStatus
from services.workflow.events import RunFinished
from shared.json_text import dumps
from shared.tenancy import TenantId

OK = Reply(Outcome.OK)
CLEANUP = "cleanup"
MOST_OUTPUTS = 100_000
"""Bytes of JSON that a run gives: its row has room for 400 KB, with its inputs and its event."""
_LONGEST_CAUSE = 500


def broken(runtime: Runtime, call: Call, record: StepRecord | None) -> Reply:
    """A state failed outside our hands. The journal gets to know, for the machine goes on as after a failure,
    whatever the journal says of the step."""
    error = str(call.request.error.get("Error", "States.Timeout"))
    if error == BRANCH_FAILED or call.request.step is None:
        return OK  # what failed inside is journaled there; a run that could not begin fails by its own state
    cause = str(call.request.error.get("Cause", ""))[:_LONGEST_CAUSE]
    failure = call.failure("STATE_FAILED", f"Step Functions: {error} {cause}".strip())
    if record is None:
        record = failed_record(call.new_record(StepStatus.STARTED), failure, call.now)
    elif record.status not in SETTLED:
        record = _died(runtime, call, record, failure)
    elif record.failure is None:
        record = replace(record, failure=failure)
    else:
        return reply_of(record, call.now)
    record = save(runtime, call.tenant, record)
    runtime.note_settled(call.tenant, record)
    return reply_of(record, call.now)


def caught(runtime: Runtime, call: Call, record: StepRecord | None) -> Reply:
    """The step's own on_failure begins."""
    if record is not None and not record.caught:
        save(runtime, call.tenant, replace(record, caught=True))
    return OK


def failing(runtime: Runtime, call: Call) -> Reply:
    """The run's on_failure begins: from here on the run fails, whatever on_failure does."""
    if call.request.mode != CLEANUP and call.run.failure is None:
        failure = first_failure(runtime, call) or Failure(
            "STATE_FAILED", "a state of the run failed; see the execution in Step Functions"
        )
        runtime.runs.change(call.tenant, call.run, replace(call.run, failure=failure))
        runtime.failpoint("failure noted")
    return OK


def end(runtime: Runtime, call: Call) -> Reply:
    """The run's outcome and RunFinished, in one write. The rest (history, audit, approvals that are still
    open) follows from the event."""
    runtime.failpoint("run to be ended")
    finish(runtime, call.tenant, call.run, _outcome(runtime, call))
    runtime.failpoint("run ended")
    return OK


def finish(runtime: Runtime, tenant: TenantId, before: Run, after: Run) -> Run:
    """Writes an ended run and its event. Raises VersionConflict."""
    ended = after if after.ended_at is not None else replace(after, ended_at=runtime.clock.now())
    return runtime.runs.change(tenant, before, ended, [finished(tenant, ended)])


def finished(tenant: TenantId, run: Run) -> RunFinished:
    failure = run.failure
    assert run.ended_at is not None  # noqa: S101 - that is what the event tells
    return RunFinished(
        tenant=tenant,
        workflow=run.workflow,
        run_id=run.id,
        workflow_version=run.version,
        status=run.status.value,
        ended_at=run.ended_at,
        failure_code=None if failure is None else failure.code,
        failure=None if failure is None else failure.message,
        failed_step=None if failure is None else failure.step,
    )


def first_failure(runtime: Runtime, call: Call) -> Failure | None:
    """The first failure that no step dealt with."""
    records = runtime.journal.every(call.tenant, call.run.id)
    return _first(each for each in records if unhandled(call.definition, each))


def _outcome(runtime: Runtime, call: Call) -> Run:
    if call.request.mode == CLEANUP:
        return replace(call.run, status=RunStatus.CANCELLED)
    failure = call.run.failure or first_failure(runtime, call)
    if failure is not None:
        return replace(call.run, status=RunStatus.FAILED, failure=failure)
    try:
        outputs = rendered(runtime, call, call.definition.outputs)
    except ExpressionError as error:
        failure = Failure("OUTPUTS_INVALID", f"the outputs cannot be made: {error.detail}")
        return replace(call.run, status=RunStatus.FAILED, failure=failure)
    if len(dumps(outputs).encode()) > MOST_OUTPUTS:
        message = f"the outputs take more than {MOST_OUTPUTS} bytes; give what is large by its address"
        return replace(call.run, status=RunStatus.FAILED, failure=Failure("OUTPUTS_TOO_LARGE", message))
    return replace(call.run, status=RunStatus.SUCCEEDED, outputs=outputs)


def _died(runtime: Runtime, call: Call, record: StepRecord, failure: Failure) -> StepRecord:
    """A step that was under way when its state failed. Where its effect may have happened, and must not
    happen twice, the failure says so: a retry of the run then asks a person first."""
    step = call.definition.step(record.step)
    if record.status is StepStatus.UNKNOWN:
        return failed_record(record, record.failure or failure, call.now)
    if not isinstance(step, ActionStep) or record.status not in (StepStatus.STARTED, StepStatus.WAITING):
        return failed_record(record, failure, call.now)
    if repeatable(runtime.registry, step, record):
        return failed_record(record, failure, call.now)
    unknown = lost(record, call.now)
    assert unknown.failure is not None  # noqa: S101 - an unknown outcome has a reason
    runtime.journal.save(call.tenant, unknown, needs_attention(call.tenant, call.run, unknown))
    saved = runtime.journal.get(call.tenant, record.run, record.step, record.at)
    return failed_record(saved or unknown, unknown.failure, call.now)


def _first(records: Iterable[StepRecord]) -> Failure | None:
    ordered = sorted(records, key=lambda each: each.ended_at or each.started_at)
    return ordered[0].failure if ordered else None
