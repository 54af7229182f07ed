"""The one thing that state machines call: a step is done, or word is given of it.

Never raises for a step's failure: that is a Reply. What it raises is a fault of ours, and Step Functions
calls again. Every call may come twice, late, or after a death at any point; the journal says what was done.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from services.workflow.application import endings
from services.workflow.application.beginning import begin
from services.workflow.application.runtime import Call, Runtime, save
from services.workflow.application.scope import holds
from services.workflow.application.steps.action import act
from services.workflow.application.steps.approval import ask, expired
from services.workflow.application.steps.asked import timed_out
from services.workflow.application.steps.simple import branch_out, choose, list_items, wait
from services.workflow.domain.definition import (
    ActionStep,
    ApprovalStep,
    ChoiceStep,
    ForEachStep,
    ParallelStep,
    Step,
    WaitStep,
)
from services.workflow.domain.dispatch import Op, Outcome, Reply, Request
from services.workflow.domain.effects import SETTLED, failed, reply_of
from services.workflow.domain.errors import DefinitionInvalid
from services.workflow.domain.places import iterations
from services.workflow.domain.run import RunStatus, StepRecord, StepStatus
from shared.errors import OnyxError, Unavailable, VersionConflict
from shared.observability import logger
from shared.tenancy import TenantId, tenant_id

CLEANUP = "cleanup"
_TRIES = 8

Handler = Callable[[Runtime, Call, Any, StepRecord | None], StepRecord]
HANDLERS: Mapping[type[Step], Handler] = {
    ActionStep: act,
    ApprovalStep: ask,
    ChoiceStep: choose,
    ForEachStep: list_items,
    ParallelStep: branch_out,
    WaitStep: wait,
}


@dataclass(frozen=True)
class Dispatch:
    """The use case. `Reply.code` of a STOP says why: RUN_UNKNOWN, RUN_OTHER_VERSION, VERSION_UNKNOWN,
    RUN_<status>."""

    runtime: Runtime

    def __call__(self, request: Request) -> Reply:
        reply = self._reply(request)
        if request.token is not None and reply.outcome is not Outcome.PENDING:
            # A state that waits for a token hears nothing else.
            self.runtime.callbacks.succeed(request.token, reply_json(reply))
        return reply

    def _reply(self, request: Request) -> Reply:
        for _ in range(_TRIES):
            call = self._call(request)
            if isinstance(call, Reply):
                return call
            try:
                return _OPS[request.op](self.runtime, call)
            except VersionConflict:
                continue  # somebody else wrote what this call read: look again
        raise Unavailable(f"run {request.run} is changed faster than it can be read", retry_after=1)

    def _call(self, request: Request) -> Call | Reply:
        """What the request is about; or why there is nothing to do."""
        tenant = _tenant(request)
        run = self.runtime.runs.get(tenant, request.run)
        if run is None:
            return Reply(Outcome.STOP, code="RUN_UNKNOWN")
        if (run.workflow, run.version) != (request.workflow, request.version):
            return Reply(Outcome.STOP, code="RUN_OTHER_VERSION")
        goes_on = RunStatus.CANCELLING if request.mode == CLEANUP else RunStatus.RUNNING
        begins = request.op is Op.BEGIN and run.status is RunStatus.STARTING and request.mode != CLEANUP
        if run.status is not goes_on and not begins:
            # An end that was written is an end, whoever asks again.
            outcome = Outcome.OK if request.op is Op.END else Outcome.STOP
            return Reply(outcome, code=f"RUN_{run.status.value.upper()}")
        try:
            published = self.runtime.versions.get(tenant, run.workflow, run.version)
        except DefinitionInvalid:
            logger.exception("a published version cannot be read any more", run=run.id)
            published = None
        if published is None:
            return Reply(Outcome.STOP, code="VERSION_UNKNOWN")
        return Call(request, run, published, self.runtime.clock.now())


def reply_json(reply: Reply) -> Mapping[str, Any]:
    """A reply as the state machine reads it, from a call or through a token."""
    return {**asdict(reply), "outcome": reply.outcome.value, "items": list(reply.items)}


def _step(runtime: Runtime, call: Call) -> Reply:
    record = _record(runtime, call)
    if record is None or record.status not in SETTLED:
        record = _attempt(runtime, call, record)
    runtime.note_settled(call.tenant, record)
    return reply_of(record, runtime.clock.now())


def _attempt(runtime: Runtime, call: Call, record: StepRecord | None) -> StepRecord:
    try:
        step = call.definition.step(call.request.step or "")
    except KeyError:
        return _refused(runtime, call, record, "STEP_UNKNOWN", "the workflow has no step of this id")
    try:
        if record is None and step.when is not None and not holds(runtime, call, step.when):
            return save(runtime, call.tenant, call.new_record(StepStatus.SKIPPED))
        return HANDLERS[type(step)](runtime, call, step, record)
    except VersionConflict:
        raise
    except OnyxError as error:
        if error.status >= 500:
            raise
        return _refused(runtime, call, record, error.code, error.detail)


def _refused(runtime: Runtime, call: Call, record: StepRecord | None, code: str, message: str) -> StepRecord:
    """What the definition and its data make impossible, and no other attempt would change."""
    begun = record or call.new_record(StepStatus.STARTED)
    return save(runtime, call.tenant, failed(begun, call.failure(code, message), call.now))


def _expired(runtime: Runtime, call: Call) -> Reply:
    record = _record(runtime, call)
    if record is None:
        # Timed out before a call of ours began: it is done now, as if it had been called in time.
        return endings.broken(runtime, call, None)
    if record.status is StepStatus.WAITING:
        step = call.definition.step(record.step)
        if isinstance(step, ApprovalStep):
            record = expired(runtime, call, record)
        elif isinstance(step, ActionStep):
            record = timed_out(runtime, call, step, runtime.registry.get(step.action), record)
    runtime.note_settled(call.tenant, record)
    return reply_of(record, runtime.clock.now())


def _failed(runtime: Runtime, call: Call) -> Reply:
    return endings.broken(runtime, call, _record(runtime, call))


def _caught(runtime: Runtime, call: Call) -> Reply:
    return endings.caught(runtime, call, _record(runtime, call))


def _record(runtime: Runtime, call: Call) -> StepRecord | None:
    iterations(call.request.at)  # a place that cannot be is a fault of ours
    return runtime.journal.get(call.tenant, call.run.id, call.request.step or "", call.request.at)


def _tenant(request: Request) -> TenantId:
    return tenant_id(request.tenant)


_OPS: Mapping[Op, Callable[[Runtime, Call], Reply]] = {
    Op.BEGIN: begin,
    Op.STEP: _step,
    Op.EXPIRED: _expired,
    Op.FAILED: _failed,
    Op.CAUGHT: _caught,
    Op.FAILURE: endings.failing,
    Op.END: endings.end,
}
