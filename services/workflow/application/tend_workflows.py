"""Every minute, tenant after tenant: publications, schedules and state machines are as the tables say."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

from services.workflow.application.publish import Publish
from services.workflow.application.schedule import RunOnSchedule
from services.workflow.domain.start_ports import (
    Machines,
    QueuedRuns,
    Schedules,
    StoredVersions,
    Triggers,
    Workflows,
)
from services.workflow.domain.workflow import Workflow
from shared.clock import Clock
from shared.errors import OnyxError
from shared.failpoints import failpoint
from shared.observability import logger
from shared.tenancy import TenantId

KEPT_VERSIONS = 5
KEPT_FOR = timedelta(days=30)
STRAY = timedelta(days=1)
"""A version of a state machine that no row names: some publication died after it made it."""


@dataclass(frozen=True)
class TendWorkflows:
    """The use case and its ports. Calls of AWS that cost are made every so many minutes, each tenant's and
    workflow's at another one."""

    workflows: Workflows
    versions: StoredVersions
    triggers: Triggers
    runs: QueuedRuns
    machines: Machines
    schedules: Schedules
    publish: Publish
    on_schedule: RunOnSchedule
    clock: Clock
    collect_every: int = 60
    mend_every: int = 10

    def __call__(self, tenant: TenantId) -> int:
        """How much was put right."""
        duties: list[Callable[[], int]] = [partial(self._caught_up, tenant)]
        duties += [partial(self._tended, tenant, row) for row in self.workflows.every(tenant)]
        if self._turn(tenant, self.mend_every):
            duties.append(partial(self.mend_schedules, tenant))
        return sum(_safely(duty) for duty in duties)

    def mend_schedules(self, tenant: TenantId) -> int:
        """Schedules that are missing are made, those of no trigger removed; how many."""
        # The schedules first: one that a publication makes meanwhile is then none too many.
        there = self.schedules.names(tenant)
        wanted = {
            self.schedules.name(tenant, each.workflow, cron): (each.workflow, cron)
            for each in self.triggers.every(tenant)
            for cron in each.crons()
        }
        missing, extra = wanted.keys() - there, there - wanted.keys()
        for name in sorted(missing):
            self.schedules.ensure(tenant, *wanted[name])
        for name in sorted(extra):
            self.schedules.delete(name)
        return len(missing) + len(extra)

    def collect(self, tenant: TenantId, row: Workflow) -> int:
        """Versions of the state machine that nothing needs are removed; how many.

        An execution that goes on is not touched by it, and a version is made again from its stored ASL,
        should a run of it still be started (see `run_queue`).
        """
        now = self.clock.now()
        # Before the rows: what a publication makes meanwhile is no stray.
        there = {each.arn: each.created_at for each in self.machines.versions(tenant, row.id)}
        numbers = self.versions.numbers(tenant, row.id)
        kept = {row.current, row.publishing and row.publishing.version, *sorted(numbers)[-KEPT_VERSIONS:]}
        removed = 0
        for number, (published_at, machine) in numbers.items():
            if machine is None or number in kept or now - published_at < KEPT_FOR:
                continue
            self.versions.retire(tenant, row.id, number)
            self.machines.delete_version(machine)
            removed += 1
        named = {machine for _, machine in numbers.values()}
        for arn, created_at in there.items():
            if arn not in named and now - created_at > STRAY:
                self.machines.delete_version(arn)
                removed += 1
        return removed

    def _caught_up(self, tenant: TenantId) -> int:
        return sum(len(self.on_schedule.catch_up(tenant, each)) for each in self.triggers.every(tenant))

    def _tended(self, tenant: TenantId, row: Workflow) -> int:
        if self.publish.resume(tenant, row):
            return 1
        if row.deleted:
            return self._removed(tenant, row)
        return self.collect(tenant, row) if self._turn(f"{tenant}_{row.id}", self.collect_every) else 0

    def _removed(self, tenant: TenantId, row: Workflow) -> int:
        """The machine of a deleted workflow, once no run needs it: deleting it ends its executions."""
        if not row.machine or row.publishing is not None:
            return 0
        if self.runs.running(tenant, row.id) or self.runs.queued(tenant, row.id, limit=1):
            return 0
        # The row last, or a machine would be left that nobody looks for. Should somebody publish the workflow
        # again at this moment, the row is theirs, and the queue makes their version again.
        self.machines.delete(tenant, row.id)
        failpoint("workflow delete: machine gone")
        self.workflows.save(tenant, replace(row, machine=False))
        return 1

    def _turn(self, key: str, every: int) -> bool:
        minute = int(self.clock.now().timestamp()) // 60
        return (minute + zlib.crc32(key.encode())) % every == 0


def _safely(duty: Callable[[], int]) -> int:
    """What fails with one workflow holds up no other."""
    try:
        return duty()
    except OnyxError:
        logger.warning("a workflow could not be tended", exc_info=True)
        return 0
