"""Cancelling a run: no step begins any more, its execution is stopped, its on_failure branch runs, it ends.

The decision is one write with RunCancelled. Everything after it is `advance`, which looks at what is there
and does the next thing: the consumer of the event calls it, and reconcile does until the run has ended.
"""

from dataclasses import dataclass, replace

from services.workflow.application.endings import finished
from services.workflow.domain.naming import CLEANUP, execution_input
from services.workflow.domain.ports import Audit, Executions, Published, Runs, Versions
from services.workflow.domain.run import Failure, Run, RunStatus
from services.workflow.domain.runtime_ports import FailPoint, no_failpoint
from services.workflow.events import RunCancelled
from shared.clock import Clock
from shared.errors import Conflict, NotFound, Unavailable, VersionConflict
from shared.events import Event
from shared.tenancy import TenantId

_TRIES = 8
_RUNNING = "RUNNING"


@dataclass(frozen=True)
class Cancel:
    """The use case and its ports."""

    runs: Runs
    versions: Versions
    executions: Executions
    audit: Audit
    clock: Clock
    failpoint: FailPoint = no_failpoint

    def __call__(self, tenant: TenantId, run_id: str, by: str) -> Run:
        """The run as it is now: `cancelling`, or `cancelled` where it had not started. Raises NotFound, and
        Conflict (RUN_ENDED)."""
        for _ in range(_TRIES):
            run = self._run(tenant, run_id)
            if run.status is RunStatus.CANCELLING:
                return run
            if run.status.ended:
                raise Conflict(f"the run has ended: {run.status.value}", code="RUN_ENDED")
            try:
                return self._decide(tenant, run, by)
            except VersionConflict:
                continue
        raise Unavailable(f"run {run_id} is changed faster than it can be written", retry_after=1)

    def advance(self, tenant: TenantId, run_id: str) -> bool:
        """The next thing towards the end; whether that is reached. False: call it again."""
        run = self._run(tenant, run_id)
        if run.cancelled_by is not None:
            self.audit.append(tenant, run.id, "run.cancelled", run.cancelled_by, {}, key="cancelled")
        if run.status is not RunStatus.CANCELLING:
            return run.status.ended
        published = self.versions.get(tenant, run.workflow, run.version)
        if published is None or published.machine is None:
            return self._end(tenant, run, None)
        return self._stop(tenant, run, published, published.machine)

    def _decide(self, tenant: TenantId, run: Run, by: str) -> Run:
        now = self.clock.now()
        told: list[Event] = [
            RunCancelled(tenant=tenant, workflow=run.workflow, run_id=run.id, by=by, cancelled_at=now)
        ]
        after = replace(run, status=RunStatus.CANCELLING, cancelled_by=by)
        if run.status is RunStatus.QUEUED:
            after = replace(after, status=RunStatus.CANCELLED, ended_at=now)
            told.append(finished(tenant, after))
        changed = self.runs.change(tenant, run, after, told)
        self.failpoint("run cancelling")
        return changed

    def _stop(self, tenant: TenantId, run: Run, published: Published, machine: str) -> bool:
        if self.executions.status(machine, run.id) == _RUNNING:
            self.executions.stop(machine, run.id, f"cancelled by {run.cancelled_by}")
            self.failpoint("execution stopped")
            if self.executions.status(machine, run.id) == _RUNNING:
                return False  # it stops, but has not yet: nothing of it may run beside the clean-up
        if not published.definition.on_failure:
            return self._end(tenant, run, None)
        return self._clean_up(tenant, run, machine)

    def _clean_up(self, tenant: TenantId, run: Run, machine: str) -> bool:
        name = run.id + CLEANUP
        status = self.executions.status(machine, name)
        if status is None:
            try:
                self.executions.start(machine, name, execution_input(run.id, "cleanup"))
            except NotFound:
                return self._end(tenant, run, "its state machine is gone")
            self.failpoint("clean-up started")
            return False
        if status == _RUNNING:
            return False
        # It ended without writing the run's end: its last state failed, or somebody stopped it.
        return self._end(tenant, run, f"the on_failure branch ended as {status}")

    def _end(self, tenant: TenantId, run: Run, trouble: str | None) -> bool:
        failure = run.failure if trouble is None else Failure("CLEANUP_FAILED", trouble)
        ended = replace(run, status=RunStatus.CANCELLED, ended_at=self.clock.now(), failure=failure)
        try:
            self.runs.change(tenant, run, ended, [finished(tenant, ended)])
        except VersionConflict:
            return self._run(tenant, run.id).status.ended
        self.failpoint("run cancelled")
        return True

    def _run(self, tenant: TenantId, run_id: str) -> Run:
        run = self.runs.get(tenant, run_id)
        if run is None:
            raise NotFound(f"there is no run {run_id}")
        return run
