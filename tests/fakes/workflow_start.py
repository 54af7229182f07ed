"""What publishing, triggers and starting need, in memory; and `Site`, which has all of it wired."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from services.workflow.application.ended import EndedExecutions
from services.workflow.application.lifecycle import Lifecycle
from services.workflow.application.match import KnownTriggers, MatchEvents
from services.workflow.application.publish import Publish
from services.workflow.application.requesting import Requesting
from services.workflow.application.run_queue import RunQueue
from services.workflow.application.schedule import RunOnSchedule
from services.workflow.application.start import StartRun
from services.workflow.application.tend_runs import TendRuns
from services.workflow.application.tend_workflows import TendWorkflows
from services.workflow.application.webhooks import Webhooks
from services.workflow.domain.definition import CronTrigger, Definition
from services.workflow.domain.naming import machine_name, schedule_name, schedule_prefix
from services.workflow.domain.parsing import parse
from services.workflow.domain.ports import Page, Published
from services.workflow.domain.registry import Registry
from services.workflow.domain.run import Run, RunStatus
from services.workflow.domain.workflow import (
    GlobalTrigger,
    Hook,
    MachineVersion,
    TenantLimits,
    TriggerSet,
    Workflow,
)
from services.workflow.events import RunRequested
from shared.clock import Clock, FixedClock
from shared.errors import NotFound, TooManyRequests, VersionConflict
from shared.events import Envelope, Event
from shared.tenancy import Principal, Role, TenantId
from tests.fakes.workflow_stores import FakeBus, FakeRuns

ACME, OTHER = TenantId("acme"), TenantId("other")
START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


class Died(BaseException):
    """The process ended here."""


def workflow_text(id: str = "report", triggers: str = "", more: str = "", seconds: int = 1) -> str:
    """A small workflow; `triggers` are lines of a YAML list, `more` whole lines."""
    listed = f"triggers:\n{triggers}\n" if triggers else ""
    return f"id: {id}\ntitle: Report\n{listed}{more}\nsteps:\n  - id: pause\n    wait: {seconds}s\n"


INPUTS = """inputs:
  bill: {type: string, required: true}
  rows: {type: integer}
  size: {type: string, default: big}"""
"""Of a workflow that is about a bill."""


def event(id: str = "e-1", tenant: TenantId = ACME, **data: Any) -> Envelope:
    said = {"bill_id": "aws.2026-10", "format": "cur2", "rows": 3, "billing_period": "2026-10", **data}
    return Envelope(
        id=id,
        source="onyx.cost-center",
        type="BillIngested.v1",
        time=START,
        dataschema="urn:onyx:event:BillIngested.v1",
        tenantid=tenant,
        data=said,
    )


def person(tenant: TenantId = ACME, subject: str = "ann", *roles: Role) -> Principal:
    return Principal(tenant, subject, frozenset(roles or (Role.ADMIN,)))


@dataclass
class FakeTriggers:
    generations: Counter[TenantId] = field(default_factory=Counter)
    sets: dict[tuple[TenantId, str], TriggerSet] = field(default_factory=dict)
    times: dict[tuple[TenantId, str, str], datetime] = field(default_factory=dict)
    reads: int = 0

    def generation(self, tenant: TenantId) -> int:
        return self.generations[tenant]

    def every(self, tenant: TenantId) -> Sequence[TriggerSet]:
        self.reads += 1
        return [each for (owner, _), each in sorted(self.sets.items()) if owner == tenant]

    def get(self, tenant: TenantId, workflow: str) -> TriggerSet | None:
        return self.sets.get((tenant, workflow))

    def seen(self, tenant: TenantId, workflow: str, trigger: str) -> datetime | None:
        return self.times.get((tenant, workflow, trigger))

    def saw(self, tenant: TenantId, workflow: str, trigger: str, at: datetime) -> None:
        key = (tenant, workflow, trigger)
        self.times[key] = max(at, self.times.get(key, at))


@dataclass
class FakeWorkflows:
    triggers: FakeTriggers
    bus: FakeBus
    rows: dict[tuple[TenantId, str], Workflow] = field(default_factory=dict)

    def get(self, tenant: TenantId, workflow: str) -> Workflow | None:
        return self.rows.get((tenant, workflow))

    def page(self, tenant: TenantId, *, limit: int, cursor: str | None) -> Page[Workflow]:
        found = [each for each in self.every(tenant) if cursor is None or each.id > cursor]
        return Page(found[:limit], found[limit - 1].id if len(found) > limit else None)

    def every(self, tenant: TenantId) -> list[Workflow]:
        return [each for (owner, _), each in sorted(self.rows.items()) if owner == tenant]

    def save(self, tenant: TenantId, workflow: Workflow) -> Workflow:
        held = self.get(tenant, workflow.id)
        if (None if held is None else held.rowversion) != workflow.rowversion:
            raise VersionConflict(f"{workflow.id} was changed")
        saved = replace(workflow, rowversion=(workflow.rowversion or 0) + 1)
        self.rows[tenant, workflow.id] = saved
        return saved

    def move(
        self, tenant: TenantId, workflow: Workflow, triggers: TriggerSet, events: Sequence[Event]
    ) -> Workflow:
        saved = self.save(tenant, workflow)
        self.triggers.sets[tenant, workflow.id] = triggers
        self.triggers.generations[tenant] += 1
        self.bus.tell(tenant, events)
        return saved


@dataclass
class FakeVersions:
    rows: dict[tuple[TenantId, str, int], Published] = field(default_factory=dict)

    def get(self, tenant: TenantId, workflow: str, version: int) -> Published | None:
        return self.rows.get((tenant, workflow, version))

    def add(self, tenant: TenantId, published: Published) -> bool:
        key = (tenant, published.workflow, published.version)
        return self.rows.setdefault(key, published) is published

    def ready(self, tenant: TenantId, workflow: str, version: int, machine: str) -> None:
        self._note(tenant, workflow, version, machine=machine, retired=False)

    def retire(self, tenant: TenantId, workflow: str, version: int) -> None:
        self._note(tenant, workflow, version, retired=True)

    def numbers(self, tenant: TenantId, workflow: str) -> Mapping[int, tuple[datetime, str | None]]:
        return {
            number: (each.published_at, None if each.retired else each.machine)
            for (owner, id, number), each in sorted(self.rows.items())
            if (owner, id) == (tenant, workflow)
        }

    def _note(self, tenant: TenantId, workflow: str, version: int, **facts: Any) -> None:
        if (tenant, workflow, version) not in self.rows:
            raise NotFound(f"{workflow} has no version {version}")
        self.rows[tenant, workflow, version] = replace(self.rows[tenant, workflow, version], **facts)


class FakeQueuedRuns(FakeRuns):
    """With places, the queue and the index."""

    def __init__(self, bus: FakeBus) -> None:
        super().__init__(bus)
        self.contended = 0
        self._places: Counter[tuple[TenantId, str]] = Counter()
        self._waiting: dict[tuple[TenantId, str], dict[str, Run]] = {}

    def create(self, tenant: TenantId, run: Run, events: Sequence[Event] = ()) -> bool:
        made = super().create(tenant, run, events)
        if made and run.status is RunStatus.QUEUED:
            self._waiting.setdefault((tenant, run.workflow), {})[run.id] = run
        return made

    def change(self, tenant: TenantId, before: Run, after: Run, events: Sequence[Event] = ()) -> Run:
        saved = super().change(tenant, before, after, events)
        self._places[tenant, after.workflow] += after.status.holds_place - before.status.holds_place
        if after.status is not RunStatus.QUEUED:
            self._waiting.get((tenant, after.workflow), {}).pop(after.id, None)
        return saved

    def take_place(self, tenant: TenantId, before: Run, after: Run, places: int | None) -> Run | None:
        if self.contended:
            self.contended -= 1
            raise VersionConflict("the workflow's count is being changed by somebody else")
        if before.status.holds_place or not after.status.holds_place:
            raise ValueError("no place is taken by this change")
        if places is not None and self.running(tenant, before.workflow) >= places:
            return None
        return self.change(tenant, before, after)

    def of_workflow(
        self,
        tenant: TenantId,
        workflow: str | None,
        *,
        status: RunStatus | None,
        limit: int,
        cursor: str | None,
    ) -> Page[Run]:
        found = [
            run
            for run in self._of(tenant)
            if workflow in (None, run.workflow) and status in (None, run.status)
        ]
        found = [run for run in found[::-1] if cursor is None or _place(run) < cursor]
        return Page(found[:limit], _place(found[limit - 1]) if len(found) > limit else None)

    def queued(self, tenant: TenantId, workflow: str, *, limit: int) -> Sequence[Run]:
        waiting = sorted(self._waiting.get((tenant, workflow), {}).values(), key=_place)[:limit]
        return [self.rows[tenant, run.id] for run in waiting]

    def running(self, tenant: TenantId, workflow: str) -> int:
        return self._places[tenant, workflow]

    def open(
        self, shard: int, *, after: str | None, limit: int
    ) -> tuple[Sequence[tuple[TenantId, Run]], str | None]:
        found = [(t, run) for (t, _), run in self.rows.items() if not run.settled and shard == 0]
        start = int(after or 0)
        return found[start : start + limit], str(start + limit) if len(found) > start + limit else None

    def _of(self, tenant: TenantId) -> list[Run]:
        return sorted((run for (owner, _), run in self.rows.items() if owner == tenant), key=_place)


def _place(run: Run) -> str:
    return f"{run.created_at.isoformat()}#{run.id}"


@dataclass
class FakeStartLimits:
    counts: Counter[tuple[str, ...]] = field(default_factory=Counter)

    def in_minute(self, tenant: TenantId, workflow: str, now: datetime, most: int) -> bool:
        return self._count((tenant, workflow, f"{now:%Y-%m-%dT%H:%M}"), most)

    def in_second(self, tenant: TenantId, now: datetime, most: int) -> bool:
        return self._count((tenant, f"{now:%Y-%m-%dT%H:%M:%S}"), most)

    def _count(self, key: tuple[str, ...], most: int) -> bool:
        if self.counts[key] >= most:
            return False
        self.counts[key] += 1
        return True


@dataclass
class FakeSettings:
    of: dict[TenantId, TenantLimits] = field(default_factory=dict)

    def limits(self, tenant: TenantId) -> TenantLimits:
        return self.of.get(tenant, TenantLimits(starts_per_second=1_000_000))


@dataclass
class FakeMachines:
    """`at` are the machines' versions by machine, oldest first; `asl` what each runs."""

    clock: Clock
    at: dict[str, list[MachineVersion]] = field(default_factory=dict)
    asl: dict[str, tuple[int, str]] = field(default_factory=dict)
    made: int = 0
    failing: dict[str, Exception] = field(default_factory=dict)
    """What listing a workflow's versions raises."""

    def publish(self, tenant: TenantId, workflow: str, version: int, asl: str) -> str:
        name = machine_name("onyx-test-", tenant, workflow)
        for each in self.at.get(name, [])[-3:]:
            if self.asl[each.arn] == (version, asl):
                return each.arn
        self.made += 1
        arn = f"arn:aws:states:us-east-1:000000000000:stateMachine:{name}:{self.made}"
        self.at.setdefault(name, []).append(MachineVersion(arn, self.clock.now()))
        self.asl[arn] = (version, asl)
        return arn

    def versions(self, tenant: TenantId, workflow: str) -> Sequence[MachineVersion]:
        if workflow in self.failing:
            raise self.failing[workflow]
        return self.at.get(machine_name("onyx-test-", tenant, workflow), [])[::-1]

    def delete_version(self, arn: str) -> None:
        for name, versions in self.at.items():
            self.at[name] = [each for each in versions if each.arn != arn]

    def delete(self, tenant: TenantId, workflow: str) -> None:
        self.at.pop(machine_name("onyx-test-", tenant, workflow), None)

    def count(self) -> int:
        return len(self.at)

    def knows(self, arn: str) -> bool:
        return any(each.arn == arn for versions in self.at.values() for each in versions)


@dataclass
class FakeExecutions:
    """`running` are (machine, name) to their status, as Step Functions has it; `started` every one that was
    begun, in order."""

    machines: FakeMachines
    running: dict[str, str] = field(default_factory=dict)
    started: list[str] = field(default_factory=list)
    by: dict[str, str] = field(default_factory=dict)
    """The ARN that each was started with."""
    throttled: bool = False
    failing: dict[str, Exception] = field(default_factory=dict)
    """What asking after one of them raises."""

    def start(self, machine: str, name: str, input: Mapping[str, Any]) -> bool:
        if self.throttled:
            raise TooManyRequests("slower", retry_after=2)
        if not self.machines.knows(machine):
            raise NotFound("gone", code="MACHINE_GONE")
        if name in self.running:
            return False
        self.running[name] = "RUNNING"
        self.started.append(name)
        self.by[name] = machine
        return True

    def stop(self, machine: str, name: str, cause: str) -> None:
        if self.running.get(name) == "RUNNING":
            self.running[name] = "ABORTED"

    def status(self, machine: str, name: str) -> str | None:
        if name in self.failing:
            raise self.failing[name]
        return self.running.get(name)


@dataclass
class FakeSchedules:
    there: dict[str, tuple[TenantId, str, CronTrigger]] = field(default_factory=dict)

    def name(self, tenant: TenantId, workflow: str, trigger: CronTrigger) -> str:
        return schedule_name(tenant, workflow, trigger)

    def ensure(self, tenant: TenantId, workflow: str, trigger: CronTrigger) -> str:
        name = schedule_name(tenant, workflow, trigger)
        self.there.setdefault(name, (tenant, workflow, trigger))
        return name

    def names(self, tenant: TenantId) -> frozenset[str]:
        return frozenset(name for name in self.there if name.startswith(schedule_prefix(tenant)))

    def delete(self, name: str) -> None:
        self.there.pop(name, None)


@dataclass
class FakeRequests:
    """`sent` in order, each once; `writes` counts the calls."""

    sent: dict[str, Envelope] = field(default_factory=dict)
    writes: int = 0

    def send(self, envelopes: Sequence[Envelope]) -> None:
        self.writes += 1
        for each in envelopes:
            self.sent.setdefault(each.id, each)


@dataclass
class FakeGlobalTriggers:
    of: dict[str, GlobalTrigger] = field(default_factory=dict)
    changes: int = 0

    def generation(self) -> int:
        return self.changes

    def every(self) -> Sequence[GlobalTrigger]:
        return list(self.of.values())

    def put(self, trigger: GlobalTrigger) -> None:
        self.of[trigger.name] = trigger
        self.changes += 1

    def remove(self, name: str) -> None:
        self.of.pop(name, None)
        self.changes += 1


@dataclass
class FakeHooks:
    rows: dict[tuple[TenantId, str], Hook] = field(default_factory=dict)

    def get(self, tenant: TenantId, hook: str) -> Hook | None:
        return self.rows.get((tenant, hook))

    def of(self, tenant: TenantId, workflow: str) -> Sequence[str]:
        return [id for (owner, id), row in self.rows.items() if (owner, row.workflow) == (tenant, workflow)]

    def save(self, tenant: TenantId, hook: Hook) -> Hook:
        held = self.get(tenant, hook.id)
        if (None if held is None else held.rowversion) != hook.rowversion:
            raise VersionConflict(f"{hook.id} was changed")
        self.rows[tenant, hook.id] = replace(hook, rowversion=(hook.rowversion or 0) + 1)
        return self.rows[tenant, hook.id]

    def remove(self, tenant: TenantId, hook: str) -> None:
        self.rows.pop((tenant, hook), None)


@dataclass
class FakeTenants:
    known: set[TenantId] = field(default_factory=set)

    def add(self, tenant: TenantId) -> None:
        self.known.add(tenant)

    def turns(self, sweep: str) -> Iterable[TenantId]:
        return sorted(self.known)

    def ended(self, sweep: str, last: TenantId) -> None:
        """Every run begins with the first."""


@dataclass
class FakeMarks:
    at: dict[str, str | None] = field(default_factory=dict)

    def get(self, name: str) -> str | None:
        return self.at.get(name)

    def put(self, name: str, at: str | None) -> None:
        self.at[name] = at


def no_compiler(definition: Definition, tenant: TenantId, version: int) -> str:
    """As much of an ASL as these tests look at."""
    return f"{tenant} {definition.id} {version} {definition!r}"


class Site:
    """Everything over the fakes. `die_at` is the failpoint at which the process ends, once."""

    def __init__(self) -> None:
        self.clock = FixedClock(START)
        self.die_at: str | None = None
        self.passed: list[str] = []
        self.bus = FakeBus()
        self.triggers = FakeTriggers()
        self.workflows = FakeWorkflows(self.triggers, self.bus)
        self.versions = FakeVersions()
        self.runs = FakeQueuedRuns(self.bus)
        self.limits = FakeStartLimits()
        self.settings = FakeSettings()
        self.machines = FakeMachines(self.clock)
        self.executions = FakeExecutions(self.machines)
        self.schedules = FakeSchedules()
        self.requests = FakeRequests()
        self.globals = FakeGlobalTriggers()
        self.hooks = FakeHooks()
        self.tenants = FakeTenants()
        self.marks = FakeMarks()
        self.advanced: list[str] = []
        self.sealed: list[str] = []
        self.resent: list[str] = []
        self.publish = Publish(
            self.workflows,
            self.versions,
            self.triggers,
            self.machines,
            self.schedules,
            self.tenants,
            parse,
            no_compiler,
            Registry.load().get,
            self.clock,
            self.failpoint,
        )
        self.lifecycle = Lifecycle(self.workflows, self.triggers, self.hooks, self.schedules, self.clock)
        self.requesting = Requesting(self.versions, self.runs, self.requests, self.clock)
        self.on_schedule = RunOnSchedule(self.triggers, self.requesting, self.clock)
        self.start = StartRun(self.workflows, self.versions, self.runs, self.clock)
        self.webhooks = Webhooks(self.hooks, self.triggers, self.requesting, self.clock, secret_bytes())
        self.queue = RunQueue(
            self.runs,
            self.versions,
            self.machines,
            self.executions,
            self.limits,
            self.settings,
            self.clock,
            self.failpoint,
        )
        self.ended = EndedExecutions(self.runs, self.versions, self.executions, self.advance, self.clock)

    @property
    def match(self) -> MatchEvents:
        return MatchEvents(KnownTriggers(self.triggers, self.globals), self.runs, self.requesting)

    def tending(self) -> TendRuns:
        return TendRuns(
            self.runs,
            self.queue,
            self.ended,
            self.advance,
            self.resend,
            self.seal,
            self.marks,
            self.clock,
            self.wait,
        )

    def tend_runs(self) -> int:
        """How many were started by it."""
        tend = self.tending()
        return tend.drain(tend().waiting)

    def tend_workflows(self) -> int:
        tend = TendWorkflows(
            self.workflows,
            self.versions,
            self.triggers,
            self.hooks,
            self.runs,
            self.machines,
            self.schedules,
            self.publish,
            self.on_schedule,
            self.clock,
            collect_every=1,
            mend_every=1,
        )
        return sum(tend(tenant) for tenant in self.tenants.turns(""))

    def advance(self, tenant: TenantId, run: str) -> bool:
        self.advanced.append(run)
        return False

    def seal(self, tenant: TenantId, run: str) -> Run:
        self.sealed.append(run)
        found = self.runs.rows[tenant, run]
        return self.runs.change(tenant, found, replace(found, audit_head="h"))

    def resend(self, tenant: TenantId, run: str) -> int:
        self.resent.append(run)
        return 1

    def failpoint(self, name: str) -> None:
        self.passed.append(name)
        if name == self.die_at:
            self.die_at = None
            raise Died(name)

    def pump(self) -> None:
        """Delivers every request for a run, twice: the queue does, too."""
        for env in list(self.requests.sent.values()):
            asked = RunRequested.model_validate(env.data)
            for _ in range(2):
                self.queue.accept(env.tenant, asked, env.time)

    def finish(self, run: str, tenant: TenantId = ACME) -> None:
        """The run's execution wrote its end."""
        found = self.runs.get(tenant, run)
        assert found is not None
        self.executions.running[run] = "SUCCEEDED"
        self.runs.change(tenant, found, replace(found, status=RunStatus.SUCCEEDED, ended_at=self.clock.now()))

    def all_runs(self, tenant: TenantId = ACME) -> list[Run]:
        return [run for (owner, _), run in self.runs.rows.items() if owner == tenant]

    def wait(self, seconds: float) -> None:
        self.clock.advance(timedelta(seconds=seconds))


def secret_bytes() -> Callable[[int], bytes]:
    made: Iterator[int] = iter(range(1, 200))
    return lambda size: bytes([next(made)] * size)
