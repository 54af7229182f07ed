"""An execution has ended: if its run has not, it ends now, for nobody else will do it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from services.workflow.application.endings import finished
from services.workflow.domain.ports import Executions, Runs, Versions
from services.workflow.domain.run import Failure, Run, RunStatus
from shared.clock import Clock
from shared.tenancy import TenantId

GRACE = timedelta(minutes=5)
"""How long after its deadline Step Functions may take to end an execution, and after its start to know it."""
_RUNNING = "RUNNING"
_ENDINGS = {
    "TIMED_OUT": (RunStatus.TIMED_OUT, "RUN_TIMED_OUT", "the run took longer than its workflow's timeout"),
    "ABORTED": (RunStatus.CANCELLED, "EXECUTION_STOPPED", "its execution was stopped in Step Functions"),
    "FAILED": (RunStatus.FAILED, "EXECUTION_FAILED", "its execution failed before it could write the end"),
    "SUCCEEDED": (RunStatus.FAILED, "EXECUTION_LOST", "its execution ended without writing the run's end"),
    None: (RunStatus.FAILED, "EXECUTION_LOST", "Step Functions does not know its execution"),
}


@dataclass(frozen=True)
class EndedExecutions:
    """The use cases and their ports. `advance` goes on with a run that is being cancelled."""

    runs: Runs
    versions: Versions
    executions: Executions
    advance: Callable[[TenantId, str], bool]
    clock: Clock

    def ended(self, tenant: TenantId, run_id: str, status: str | None) -> bool:
        """Step Functions says that an execution of the run ended in `status` (FAILED, TIMED_OUT, ABORTED,
        SUCCEEDED; None: there is none). Whether the run was still open. Raises VersionConflict where the run
        is written by somebody else at the same time: then look again."""
        run = self.runs.get(tenant, run_id)
        if run is None or run.status.ended:
            return False
        if run.status is RunStatus.CANCELLING:
            self.advance(tenant, run_id)
        else:
            self._end(tenant, run, status)
        return True

    def compare(self, tenant: TenantId, run: Run) -> bool:
        """What Step Functions has of a run that should be going on; whether it was put right."""
        published = self.versions.get(tenant, run.workflow, run.version)
        machine = None if published is None else published.machine
        status = None if machine is None else self.executions.status(machine, run.id)
        if status is None and self.clock.now() - (run.started_at or run.created_at) < GRACE:
            return False  # what Step Functions tells is a little behind what was done
        if status != _RUNNING:
            return self.ended(tenant, run.id, status)
        if machine is None or run.deadline is None or self.clock.now() < run.deadline + GRACE:
            return False
        self.executions.stop(machine, run.id, "the run's deadline has passed")
        return self.ended(tenant, run.id, "TIMED_OUT")

    def _end(self, tenant: TenantId, run: Run, status: str | None) -> None:
        became, code, why = _ENDINGS.get(status, _ENDINGS["FAILED"])
        failure = run.failure or Failure(code, why)
        after = replace(run, status=became, ended_at=self.clock.now(), failure=failure)
        self.runs.change(tenant, run, after, [finished(tenant, after)])
