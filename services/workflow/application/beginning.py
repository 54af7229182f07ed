"""The first state of an execution: the run is running, and has in its journal what it takes over."""

from dataclasses import replace
from datetime import timedelta

from services.workflow.application.runtime import Call, Runtime
from services.workflow.application.steps.attempts import needs_attention, repeatable
from services.workflow.domain.carrying import carried
from services.workflow.domain.dispatch import Outcome, Reply
from services.workflow.domain.run import Run, RunStatus, StepRecord
from services.workflow.events import RunStarted
from shared.errors import VersionConflict


def begin(runtime: Runtime, call: Call) -> Reply:
    """May be called again at any time: what is there is left alone."""
    run = call.run
    if run.status is RunStatus.STARTING:
        run = _running(runtime, call)
    runtime.failpoint("run running")
    if run.retry_of is not None:
        take_over(runtime, call, run, run.retry_of)
    facts = {"workflow": run.workflow, "version": run.version, "trigger": run.trigger, "cause": run.cause}
    if run.retry_of is not None:
        facts |= {"retry_of": run.retry_of, "from_step": run.from_step or ""}
    runtime.audit.append(call.tenant, run.id, "run.started", run.started_by, facts, key="started")
    return Reply(Outcome.OK)


def take_over(runtime: Runtime, call: Call, run: Run, earlier: str) -> None:
    """Copies what the earlier run did, each record once. Another call may do the same at the same time."""

    def may_be_repeated(record: StepRecord) -> bool:
        return repeatable(runtime.registry, call.definition.step(record.step), record)

    there = {(each.at, each.step) for each in runtime.journal.every(call.tenant, run.id)}
    for record in runtime.journal.every(call.tenant, earlier):
        if (record.at, record.step) in there:
            continue
        mine = carried(call.definition, record, run, may_be_repeated)
        if mine is None:
            continue
        try:
            runtime.journal.save(call.tenant, mine, needs_attention(call.tenant, run, mine))
        except VersionConflict:
            continue
        runtime.failpoint("journal carried")


def _running(runtime: Runtime, call: Call) -> Run:
    """The execution may run before the job that started it wrote so: whoever comes first, does."""
    started = replace(
        call.run,
        status=RunStatus.RUNNING,
        started_at=call.now,
        deadline=call.now + timedelta(seconds=call.definition.timeout),
    )
    event = RunStarted(
        tenant=call.tenant,
        workflow=call.run.workflow,
        run_id=call.run.id,
        workflow_version=call.run.version,
        trigger=call.run.trigger,
        started_at=call.now,
    )
    return runtime.runs.change(call.tenant, call.run, started, [event])
