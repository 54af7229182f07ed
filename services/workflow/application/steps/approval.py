"""An approval step: its row is opened once, and closes the step when it closes."""

from dataclasses import replace
from datetime import datetime

from services.workflow.application.runtime import Call, Runtime, save
from services.workflow.application.scope import rendered
from services.workflow.application.steps.asked import awaited
from services.workflow.domain.definition import ApprovalStep
from services.workflow.domain.effects import failed, succeeded
from services.workflow.domain.run import Approval, ApprovalStatus, Failure, StepRecord, StepStatus

_LONGEST_MESSAGE = 4000


def ask(runtime: Runtime, call: Call, step: ApprovalStep, record: StepRecord | None) -> StepRecord:
    """Open the approval, or go on by one that is closed."""
    if call.request.token is None:
        begun = record or call.new_record(StepStatus.WAITING)
        failure = call.failure("TOKEN_MISSING", "an approval is asked for without a task token")
        return save(runtime, call.tenant, failed(begun, failure, call.now))
    if record is None:
        message = str(rendered(runtime, call, step.message))[:_LONGEST_MESSAGE]
        begun = replace(
            call.new_record(StepStatus.WAITING),
            attempt=1,
            input={"message": message},
            token=call.request.token,
        )
        runtime.failpoint("approval is due")
        record = save(runtime, call.tenant, begun)
        runtime.failpoint("approval journaled")
    else:
        record = awaited(runtime, call, record)
    message = str((record.input or {}).get("message", ""))
    approval = runtime.approving.open(call.tenant, call.run, step, record, message)
    runtime.failpoint("approval opened")
    if approval.status is ApprovalStatus.OPEN:
        return record
    return save(runtime, call.tenant, by_approval(record, approval, call.now))


def expired(runtime: Runtime, call: Call, record: StepRecord) -> StepRecord:
    """Step Functions waits no longer: close the approval, unless somebody decided in the last moment."""
    approval = runtime.approving.expire(call.tenant, record.effect_key)
    runtime.failpoint("approval expired")
    record = replace(record, token=None, earlier_tokens=())
    return save(runtime, call.tenant, by_approval(record, approval, call.now))


def by_approval(record: StepRecord, approval: Approval, now: datetime) -> StepRecord:
    """The step's record after its approval was closed."""
    output = {
        "status": approval.status.value,
        "decisions": [
            {"by": each.by, "approve": each.approve, "comment": each.comment} for each in approval.decisions
        ],
    }
    match approval.status:
        case ApprovalStatus.APPROVED:
            return succeeded(record, output, now)
        case ApprovalStatus.EXPIRED:
            message = f"{len(approval.decisions)} of {approval.count} people decided in time"
            failure = Failure("APPROVAL_EXPIRED", message, record.step, record.at)
            return replace(record, status=StepStatus.EXPIRED, output=output, failure=failure, ended_at=now)
        case ApprovalStatus.REJECTED:
            reason = next((each for each in approval.decisions if not each.approve), None)
            said = (
                ""
                if reason is None
                else f"{reason.by} rejected it" + (reason.comment and f": {reason.comment}")
            )
            failure = Failure("APPROVAL_REJECTED", said, record.step, record.at)
            return replace(failed(record, failure, now), output=output)
        case _:
            failure = Failure("APPROVAL_WITHDRAWN", "the run ended", record.step, record.at)
            return replace(failed(record, failure, now), output=output)
