"""A platform in memory that runs workflows: Step Functions is the walker, everything else is fakes and the
real use cases."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from services.workflow.application.answers import Answers
from services.workflow.application.approvals import Approving
from services.workflow.application.cancel import Cancel
from services.workflow.application.dispatch import Dispatch, reply_json
from services.workflow.application.resolve import Resolve
from services.workflow.application.retry import RetryRun
from services.workflow.application.runtime import Runtime
from services.workflow.application.seal import Seal
from services.workflow.domain.asl_walker import EPOCH, Fault, Status, Walker
from services.workflow.domain.asl_walker import Call as TaskCall
from services.workflow.domain.compiler import compile
from services.workflow.domain.definition import Definition
from services.workflow.domain.dispatch import Op, Request
from services.workflow.domain.naming import execution_input, run_id
from services.workflow.domain.ports import Published
from services.workflow.domain.registry import Registry
from services.workflow.domain.run import Run, RunStatus
from services.workflow.domain.runtime_ports import ActionCall
from services.workflow.events import ApprovalDecided, RunCancelled, RunFinished, RunRequested
from shared.actions import Action, ActionFinished, ActionProgressed, ActionRequested
from shared.errors import TooManyRequests
from shared.tenancy import Principal, Role, TenantId
from tests.fakes.workflow_stores import (
    FakeApprovals,
    FakeArtifacts,
    FakeAudit,
    FakeBus,
    FakeJournal,
    FakeRuns,
    FakeVersions,
)

ACME = TenantId("acme")
GLOBEX = TenantId("globex")
ARN = "arn:aws:lambda:eu-west-1:111111111111:function:onyx-dispatcher"


class Crash(BaseException):
    """The process died: nothing of ours catches it."""


class Crashes:
    """Dies at the points that `strikes` picks, by name and how often it came by."""

    def __init__(self, strikes: Callable[[str], bool] = lambda name: False) -> None:
        self.strikes = strikes
        self.seen: list[str] = []

    def __call__(self, name: str) -> None:
        self.seen.append(name)
        if self.strikes(name):
            raise Crash(name)


def crash_once(name: str) -> Callable[[str], bool]:
    left = [name]

    def strikes(passed: str) -> bool:
        if passed not in left:
            return False
        left.remove(passed)
        return True

    return strikes


class MovingClock:
    """Only forward: time of several executions is one."""

    def __init__(self) -> None:
        self.moment: datetime = EPOCH

    def now(self) -> datetime:
        return self.moment

    def reach(self, moment: datetime) -> None:
        self.moment = max(self.moment, moment)


@dataclass
class Effects:
    """What happened outside: how often for each key, and what `does` answers (or raises)."""

    does: Callable[[ActionCall], Mapping[str, Any]] = lambda call: {"id": call.effect_key}
    calls: list[ActionCall] = field(default_factory=list)
    done: dict[str, int] = field(default_factory=dict)

    def do(self, call: ActionCall) -> Mapping[str, Any]:
        self.calls.append(call)
        answer = self.does(call)
        self.done[call.effect_key] = self.done.get(call.effect_key, 0) + 1
        return answer

    def search(self, call: ActionCall) -> Mapping[str, Any] | None:
        return {"id": call.effect_key} if self.done.get(call.effect_key) else None


class Executions:
    """Step Functions' executions of all machines, and their tokens."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self.walkers: dict[str, Walker] = {}
        self.throttled = 0

    def start(self, machine: str, name: str, input: Mapping[str, Any]) -> bool:
        if self.throttled:
            self.throttled -= 1
            raise TooManyRequests("slow down", retry_after=1)
        if name in self.walkers:
            return False
        self.walkers[name] = Walker(
            self._world.machines[machine],
            self._world.called,
            name=name,
            input=input,
            now=self._world.clock.now(),
            fault=lambda call: self._world.fault(call),
            pick=lambda count: self._world.pick(count),
        )
        return True

    def stop(self, machine: str, name: str, cause: str) -> None:
        if name in self.walkers:
            self.walkers[name].stop()

    def status(self, machine: str, name: str) -> str | None:
        return self.walkers[name].status.value if name in self.walkers else None

    def succeed(self, token: str, output: Mapping[str, Any]) -> bool:
        walker = self.walkers.get(token.partition("/")[0])
        return walker is not None and walker.succeed(token, output)

    def heartbeat(self, token: str) -> bool:
        walker = self.walkers.get(token.partition("/")[0])
        return walker is not None and walker.heartbeat(token)


class World:
    """`fault`, `pick` and `uniform` may be set by a test; `failpoint` is of all use cases and stores."""

    def __init__(self, actions: Mapping[str, Action]) -> None:
        self.clock = MovingClock()
        self.bus = FakeBus()
        self.failpoint = Crashes()
        self.fault: Callable[[TaskCall], Fault] = lambda call: Fault.NONE
        self.pick: Callable[[int], int] = lambda count: 0
        self.uniform: Callable[[float, float], float] = lambda low, high: high
        self.actions = actions
        self.machines: dict[str, Mapping[str, Any]] = {}
        self.runs = FakeRuns(self.bus, self.failpoint)
        self.versions = FakeVersions()
        self.journal = FakeJournal(self.bus, self.failpoint)
        self.approvals = FakeApprovals(self.bus, self.failpoint)
        self.audit = FakeAudit(self.clock)
        self.artifacts = FakeArtifacts()
        self.executions = Executions(self)
        self.effects = Effects()
        self.approving = Approving(self.approvals, self.audit, self.clock, self.failpoint)
        self.runtime = Runtime(
            runs=self.runs,
            versions=self.versions,
            journal=self.journal,
            approving=self.approving,
            audit=self.audit,
            callbacks=self.executions,
            registry=Registry(actions.values()),
            inline=dict.fromkeys(actions, self.effects),
            clock=self.clock,
            uniform=lambda low, high: self.uniform(low, high),
            failpoint=self.failpoint,
        )
        self.dispatch = Dispatch(self.runtime)
        self.answers = Answers(self.runtime)
        self.resolve = Resolve(self.runtime)
        self.cancel = Cancel(
            self.runs, self.versions, self.executions, self.audit, self.clock, self.failpoint
        )
        self.retry = RetryRun(self.runs, self.versions, self.audit, self.clock, self.failpoint)
        self.seal = Seal(self.runs, self.journal, self.approving, self.audit, self.artifacts, self.failpoint)
        self._handled = 0

    # --- what the API and the jobs would do ---

    def publish(self, definition: Definition, tenant: TenantId = ACME, version: int = 1) -> Published:
        asl = compile(definition, tenant=tenant, version=version, dispatcher_arn=ARN, actions=self.actions)
        machine = f"arn:aws:states:::stateMachine:{tenant}_{definition.id}:{version}"
        self.machines[machine] = asl.machine
        made = Published(
            definition.id, version, "", definition, asl.text, machine, "ann", self.clock.now(), ""
        )
        self.versions.rows[tenant, definition.id, version] = made
        return made

    def start(
        self,
        published: Published,
        tenant: TenantId = ACME,
        inputs: Mapping[str, Any] | None = None,
        cause: str = "1",
    ) -> str:
        """A run that was asked for by hand, with its execution; its id."""
        made = Run(
            id=run_id(tenant, published.workflow, "manual", cause),
            workflow=published.workflow,
            version=published.version,
            status=RunStatus.QUEUED,
            trigger="manual",
            cause=cause,
            started_by="ann",
            created_at=self.clock.now(),
            inputs=inputs or {},
        )
        self.runs.create(tenant, made)
        self.launch(tenant, made.id)
        return made.id

    def launch(self, tenant: TenantId, run: str) -> None:
        """What the execution job does: a place, the execution, `running`."""
        row = self.runs.get(tenant, run)
        if row is None or row.status not in (RunStatus.QUEUED, RunStatus.STARTING):
            return
        if row.status is RunStatus.QUEUED:
            row = self.runs.change(tenant, row, replace(row, status=RunStatus.STARTING))
        machine = self.machine(tenant, row)
        self.executions.start(machine, run, execution_input(run))

    def machine(self, tenant: TenantId, row: Run) -> str:
        published = self.versions.get(tenant, row.workflow, row.version)
        assert published is not None
        assert published.machine is not None
        return published.machine

    def called(self, call: TaskCall) -> Mapping[str, Any]:
        """The dispatcher's function. A crash of it is an error of the task."""
        self.clock.reach(self.executions.walkers[call.payload["execution"]].now)
        try:
            return reply_json(self.dispatch(request_of(call.payload)))
        except Crash as crash:
            raise RuntimeError(str(crash)) from crash

    # --- time ---

    def turn(self) -> bool:
        """One step of whoever is next in time; False where all executions have ended."""
        going = [each for each in self.executions.walkers.values() if each.status is Status.RUNNING]
        if not going:
            return False
        walker = min(going, key=lambda each: each.now)
        walker.advance()
        self.clock.reach(walker.now)
        return True

    def deliver(self, provider: Callable[[ActionRequested], ActionFinished | None] | None = None) -> None:
        """What the bus has not delivered yet."""
        while self._handled < len(self.bus.told):
            tenant, event = self.bus.told[self._handled]
            self._handled += 1
            self.handle(tenant, event, provider)

    def handle(
        self,
        tenant: TenantId,
        event: object,
        provider: Callable[[ActionRequested], ActionFinished | None] | None = None,
    ) -> None:
        match event:
            case ActionRequested() if provider is not None:
                answer = provider(event)
                if answer is not None:
                    self.bus.tell(tenant, [answer])
            case ActionProgressed():
                self.answers.action_progressed(tenant, event)
            case ActionFinished():
                self.answers.action_finished(tenant, event)
            case ApprovalDecided():
                self.answers.approval_decided(tenant, event)
            case RunRequested():
                self.launch(tenant, event.run_id)
            case RunCancelled():
                self.cancel.advance(tenant, event.run_id)
            case RunFinished():
                self.seal(tenant, event.run_id)

    def run_to_end(
        self, provider: Callable[[ActionRequested], ActionFinished | None] | None = None, turns: int = 20_000
    ) -> None:
        """Until no execution goes on. Raises AssertionError where that takes too many turns."""
        for _ in range(turns):
            self.deliver(provider)
            if not self.turn():
                self.deliver(provider)
                if not self.turn():
                    return
        raise AssertionError("it goes on for ever")

    def run(self, run: str, tenant: TenantId = ACME) -> Run:
        found = self.runs.get(tenant, run)
        assert found is not None
        return found


def request_of(payload: Mapping[str, Any]) -> Request:
    return Request(**{**payload, "op": Op(payload["op"])})


def person(name: str = "bob", *roles: Role, tenant: TenantId = ACME) -> Principal:
    return Principal(tenant, name, frozenset(roles or (Role.APPROVER, Role.OPERATOR)))


def finished(event: ActionRequested, **changes: Any) -> ActionFinished:
    """A provider's good answer."""
    answer = {
        "action": event.action,
        "effect_key": event.effect_key,
        "run_id": event.run_id,
        "step": event.step,
        "attempt": event.attempt,
        "succeeded": True,
        "output": {"id": event.effect_key},
    }
    return ActionFinished(**{**answer, **changes})


def soon(clock: MovingClock, seconds: float) -> None:
    clock.reach(clock.now() + timedelta(seconds=seconds))
