"""A person tells what became of an effect that nobody else can find out."""

from dataclasses import dataclass, replace
from typing import Any

from services.workflow.application.runtime import Runtime, save
from services.workflow.application.steps.attempts import answered
from services.workflow.domain.definition import ActionStep
from services.workflow.domain.run import Run, StepRecord, StepStatus
from shared.errors import Conflict, NotFound, Unprocessable
from shared.tenancy import Principal


@dataclass(frozen=True)
class Resolve:
    """The use case."""

    runtime: Runtime

    def __call__(
        self,
        who: Principal,
        run_id: str,
        step: str,
        at: str = "",
        *,
        done: bool,
        output: Any = None,
    ) -> StepRecord:
        """`done`, with the output that the steps after it will see; or not done: then it is done now (in a
        run that has ended: by its retry). Raises NotFound, Conflict (STEP_NOT_UNKNOWN, VERSION_CONFLICT where
        two decide at once), Unprocessable (ACTION_OUTPUT_INVALID)."""
        record = self.runtime.journal.get(who.tenant, run_id, step, at)
        run = self.runtime.runs.get(who.tenant, run_id)
        if record is None or run is None:
            raise NotFound(f"run {run_id} has no step {step} at '{at}'")
        if not _is_unknown(run, record):
            raise Conflict(
                f"the outcome of step {step} is known: {record.status.value}", code="STEP_NOT_UNKNOWN"
            )
        resolved = self._done(run, record, who, output) if done else self._not_done(record)
        facts = {"step": step, "at": at, "effect_key": record.effect_key, "done": done}
        # Before the write: what a person said is kept even if nothing comes of it.
        key = f"resolved|{at}|{step}|{record.rowversion}|{who.subject}|{done}"
        self.runtime.audit.append(who.tenant, run_id, "step.resolved", who.subject, facts, key=key)
        self.runtime.failpoint("resolution audited")
        return save(self.runtime, who.tenant, resolved)

    def _done(self, run: Run, record: StepRecord, who: Principal, output: Any) -> StepRecord:
        published = self.runtime.versions.get(who.tenant, run.workflow, run.version)
        step = None if published is None else published.definition.step(record.step)
        if not isinstance(step, ActionStep):
            raise NotFound(f"run {run.id} has no action step {record.step}")
        action = self.runtime.registry.get(step.action)
        resolved = answered(record, action, {} if output is None else output, self.runtime.clock.now())
        if resolved.failure is not None:
            raise Unprocessable(resolved.failure.message, code=resolved.failure.code)
        return resolved

    def _not_done(self, record: StepRecord) -> StepRecord:
        return replace(
            record,
            status=StepStatus.RETRYING,
            failure=None,
            lost=0,
            ended_at=None,
            retry_at=self.runtime.clock.now(),
        )


def _is_unknown(run: Run, record: StepRecord) -> bool:
    if record.status is StepStatus.UNKNOWN:
        return True
    told = record.failure is not None and record.failure.code == "EFFECT_UNKNOWN"
    return told and run.status.ended and run.retried_by is None
