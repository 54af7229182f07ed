"""Runs that wait, and how they start: the oldest first, within the limits of their workflow and tenant.

A run's row is made `queued`. Its place is taken in one write with the workflow's count (`starting`), then its
execution is started, whose name is the run's id: doing that again starts nothing. The execution's first state
writes `running`. Whatever dies in between is found by reconciling.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from services.workflow.application.endings import finished
from services.workflow.domain.definition import Limits, OnLimit
from services.workflow.domain.naming import execution_input
from services.workflow.domain.ports import Executions, Published
from services.workflow.domain.run import Failure, Run, RunStatus
from services.workflow.domain.start_ports import (
    Machines,
    QueuedRuns,
    Settings,
    StartLimits,
    StoredVersions,
)
from services.workflow.events import RunRequested
from shared.clock import Clock
from shared.errors import NotFound, VersionConflict
from shared.failpoints import failpoint
from shared.tenancy import TenantId

MOST_AT_ONCE = 25
"""Runs that one message starts, so that none holds up the messages of others."""


class Started(Enum):
    """What became of a run that was to be started."""

    YES = "yes"
    WAITS = "waits"
    """And so do those behind it."""
    PACED = "paced"
    """Its tenant has had its starts of this second: so do those of all of its workflows."""
    SETTLED = "settled"
    """It was refused, or is somebody else's by now: the next one may go."""


@dataclass(frozen=True)
class RunQueue:
    """The use cases and their ports."""

    runs: QueuedRuns
    versions: StoredVersions
    machines: Machines
    executions: Executions
    limits: StartLimits
    settings: Settings
    clock: Clock
    failpoint: Callable[[str], None] = failpoint

    def accept(self, tenant: TenantId, asked: RunRequested, at: datetime) -> None:
        """A run was asked for at `at`. Again makes no difference."""
        run = Run(
            id=asked.run_id,
            workflow=asked.workflow,
            version=asked.workflow_version,
            status=RunStatus.QUEUED,
            trigger=asked.trigger,
            cause=asked.cause,
            started_by=asked.requested_by,
            created_at=at,
            inputs=asked.inputs,
            event=asked.event,
            retry_of=asked.retry_of,
            from_step=asked.from_step,
            depth=asked.depth,
        )
        self.runs.create(tenant, run)
        self.failpoint("workflow start: queued")
        found = self.runs.get(tenant, run.id)
        if found is not None and found.status is RunStatus.STARTING:
            self.launch(tenant, found)
        elif found is not None and found.status is RunStatus.QUEUED:
            self._begin(tenant, found)

    def drain(self, tenant: TenantId, workflow: str, most: int = MOST_AT_ONCE) -> int:
        """Starts waiting runs of the workflow while its limits allow; how many it started."""
        started = 0
        for run in self.runs.queued(tenant, workflow, limit=most):
            became = self._start(tenant, run)
            if became in (Started.WAITS, Started.PACED):
                break
            started += became is Started.YES
        return started

    def start_next(self, tenant: TenantId, workflow: str) -> Started:
        """Starts the oldest that waits; WAITS also where there is none."""
        found = self.runs.queued(tenant, workflow, limit=1)
        return self._start(tenant, found[0]) if found else Started.WAITS

    def launch(self, tenant: TenantId, run: Run) -> bool:
        """Starts the execution of a run that has its place; False where it was started before. Raises
        TooManyRequests where Step Functions is busy: the run then keeps its place and is launched again."""
        published = self._published(tenant, run)
        if published is None:
            self._end(tenant, run, RunStatus.FAILED, "VERSION_GONE", f"there is no version {run.version}")
            return True
        machine = published.machine
        if machine is None or published.retired:
            machine = self._restored(tenant, published)
        try:
            new = self.executions.start(machine, run.id, execution_input(run.id))
        except NotFound:
            machine = self._restored(tenant, published)
            new = self.executions.start(machine, run.id, execution_input(run.id))
        self.failpoint("workflow start: launched")
        return new

    def _begin(self, tenant: TenantId, run: Run) -> None:
        published = self._published(tenant, run)
        if published is not None and published.definition.limits == Limits():
            # Without limits nobody need go before it.
            self._start(tenant, run)
        else:
            self.drain(tenant, run.workflow)

    def _start(self, tenant: TenantId, run: Run) -> Started:
        now = self.clock.now()
        published = self._published(tenant, run)
        if published is None:
            self._end(tenant, run, RunStatus.FAILED, "VERSION_GONE", f"there is no version {run.version}")
            return Started.SETTLED
        limits = published.definition.limits
        places = limits.concurrency
        if places is not None and self.runs.running(tenant, run.workflow) >= places:
            return self._full(tenant, run, limits, f"{places} runs of it are going on")
        pace = self.settings.limits(tenant).starts_per_second
        if not self.limits.in_second(tenant, now, pace):
            return Started.PACED if pace > 0 else Started.WAITS
        rate = limits.per_minute
        if rate is not None and not self.limits.in_minute(tenant, run.workflow, now, rate):
            return self._full(tenant, run, limits, f"{rate} runs of it were started in this minute")
        try:
            taken = self.runs.take_place(
                tenant, run, replace(run, status=RunStatus.STARTING, started_at=now), places
            )
        except VersionConflict:
            found = self.runs.get(tenant, run.id)
            if found is not None and found.status is RunStatus.QUEUED:
                raise  # it is still nobody's: others are at the workflow's count
            return Started.SETTLED
        if taken is None:
            return self._full(tenant, run, limits, f"{places} runs of it are going on")
        self.failpoint("workflow start: place taken")
        self.launch(tenant, taken)
        return Started.YES

    def _full(self, tenant: TenantId, run: Run, limits: Limits, why: str) -> Started:
        if limits.on_limit is OnLimit.DELAY:
            return Started.WAITS
        self._end(tenant, run, RunStatus.REFUSED, "LIMIT_REACHED", f"the workflow's limit: {why}")
        return Started.SETTLED

    def _end(self, tenant: TenantId, run: Run, status: RunStatus, code: str, why: str) -> None:
        ended = replace(run, status=status, ended_at=self.clock.now(), failure=Failure(code, why))
        try:
            self.runs.change(tenant, run, ended, [finished(tenant, ended)])
        except VersionConflict:
            return  # somebody started, cancelled or refused it

    def _restored(self, tenant: TenantId, published: Published) -> str:
        """A version that was collected as unused is published again, from the ASL that it always had."""
        machine = self.machines.publish(tenant, published.workflow, published.version, published.asl)
        self.versions.ready(tenant, published.workflow, published.version, machine)
        return machine

    def _published(self, tenant: TenantId, run: Run) -> Published | None:
        return self.versions.get(tenant, run.workflow, run.version)
