"""Every minute, tenant after tenant: publications, schedules and state machines are as the tables say."""

import zlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

from services.workflow.application.publish import Publish
from services.workflow.application.schedule import RunOnSchedule
from services.workflow.application.tending import safely
from services.workflow.domain.start_ports import (
    Hooks,
    Machines,
    QueuedRuns,
    Schedules,
    StoredVersions,
    Triggers,
    Workflows,
)
from services.workflow.domain.workflow import TriggerSet, Workflow
from shared.clock import Clock
from shared.failpoints import failpoint
from shared.tenancy import TenantId

KEPT_VERSIONS = 5
KEPT_FOR = timedelta(days=30)
_PAGE, _PAGES = 100, 20
"""Of runs looked through for those that go on."""
STRAY = timedelta(days=1)
"""A version of a state machine that no row names: some publication died after it made it."""


@dataclass(frozen=True)
class TendWorkflows:
    """The use case and its ports. Calls of AWS that cost are made every so many minutes, each tenant's and
    workflow's at another one."""

    workflows: Workflows
    versions: StoredVersions
    triggers: Triggers
    hooks: Hooks
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
        sets = self.triggers.every(tenant)
        duties: list[Callable[[], int]] = [partial(self._caught_up, tenant, each) for each in sets]
        duties += [partial(self._tended, tenant, row) for row in self.workflows.every(tenant)]
        if self._turn(tenant, self.mend_every):
            duties.append(partial(self.mend_schedules, tenant))
        return sum(safely(duty, "a workflow") or 0 for duty in duties)

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

        A version with a run that goes on stays, for the run's clean-up after a cancel; one that was removed
        is made again from its stored ASL, should a run of it still be started (see `run_queue`).
        """
        now = self.clock.now()
        # Before the rows: what a publication makes meanwhile is no stray.
        there = {each.arn: each.created_at for each in self.machines.versions(tenant, row.id)}
        numbers = self.versions.numbers(tenant, row.id)
        kept = {row.current, row.publishing and row.publishing.version, *sorted(numbers)[-KEPT_VERSIONS:]}
        old = {
            number: machine
            for number, (published_at, machine) in numbers.items()
            if machine is not None and number not in kept and now - published_at >= KEPT_FOR
        }
        removed = 0
        for number in old.keys() - self._in_use(tenant, row.id, old):
            self.versions.retire(tenant, row.id, number)
            self.machines.delete_version(old[number])
            removed += 1
        named = {machine for _, machine in numbers.values()}
        for arn, created_at in there.items():
            if arn not in named and now - created_at > STRAY:
                self.machines.delete_version(arn)
                removed += 1
        return removed

    def _in_use(self, tenant: TenantId, workflow: str, old: Mapping[int, str]) -> Collection[int]:
        """Versions that runs which hold a place are of; all of the `old` ones, where not every such run is
        found."""
        holding = self.runs.running(tenant, workflow) if old else 0
        found: list[int] = []
        cursor: str | None = None
        for _ in range(_PAGES):
            if len(found) >= holding:
                return found
            page = self.runs.of_workflow(tenant, workflow, status=None, limit=_PAGE, cursor=cursor)
            found += [run.version for run in page.rows if run.status.holds_place]
            cursor = page.cursor
            if cursor is None:
                return found
        return old.keys()

    def _caught_up(self, tenant: TenantId, triggers: TriggerSet) -> int:
        return len(self.on_schedule.catch_up(tenant, triggers))

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
        for hook in self.hooks.of(tenant, row.id):
            self.hooks.remove(tenant, hook)
        if self.runs.running(tenant, row.id) or self.runs.queued(tenant, row.id, limit=1):
            return 0
        # The row last, or a machine would be left that nobody looks for. Should somebody publish the workflow
        # again at this moment, the row is theirs, and the queue makes their version again.
        self._retire_all(tenant, row)
        self.machines.delete(tenant, row.id)
        failpoint("workflow delete: machine gone")
        self._retire_all(tenant, row)
        self.workflows.save(tenant, replace(row, machine=False))
        return 1

    def _retire_all(self, tenant: TenantId, row: Workflow) -> None:
        # Another machine of the name counts its versions from 1: none of them may pass for one of these.
        for number, (_, machine) in self.versions.numbers(tenant, row.id).items():
            if machine is not None:
                self.versions.retire(tenant, row.id, number)

    def _turn(self, key: str, every: int) -> bool:
        minute = int(self.clock.now().timestamp()) // 60
        return (minute + zlib.crc32(key.encode())) % every == 0
