"""Any workflow, run through its compiled machine, in a world where everything happens that may: calls
that are lost, repeated, late or die at any point; answers that come twice, late, wrong or never; people who
cancel, retry, decide and do nothing. What must hold holds at the end of each."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.workflow.application.endings import finished as run_finished
from services.workflow.domain.asl_walker import Fault, Status
from services.workflow.domain.definition import Definition, walk
from services.workflow.domain.run import ApprovalStatus, Run, RunStatus, StepRecord, StepStatus
from services.workflow.domain.runtime_ports import ActionCall, ActionFailed
from services.workflow.events import RunFinished
from shared.actions import ActionRequested
from shared.errors import Conflict, NotFound, OnyxError
from tests.fakes.workflow_definitions import ACTIONS, definitions
from tests.fakes.workflow_runtime import ACME, Crash, World, finished, person, request_of

MOST_TURNS = 6_000
FAULTS = (Fault.NONE,) * 10 + tuple(Fault)


class Chaos:
    """One random world. `calm` after a while: faults stop, and everything must come to its end."""

    def __init__(self, random: Random, definition: Definition) -> None:
        self.random = random
        self.world = World(ACTIONS)
        self.world.fault = lambda call: random.choice(FAULTS) if self.wild else Fault.NONE
        self.world.pick = random.randrange
        self.world.uniform = random.uniform
        self.world.failpoint.strikes = lambda name: self.wild and random.random() < 0.03
        self.world.effects.does = self.effect
        self.wild = True
        self.queue: list[tuple[Any, Any]] = []
        self.taken = 0
        self.provided: set[str] = set()
        self.published = self.world.publish(definition)
        self.first = self.safely(
            lambda: self.world.start(
                self.published, inputs={"n": random.choice((0, 1, 5)), "list": ["a", "b"]}
            )
        )

    # --- what the world does ---

    def effect(self, call: ActionCall) -> Mapping[str, Any]:
        """Done, not done, or done and the answer lost (that is counted by the raising side)."""
        chance = self.random.random() if self.wild else 1.0
        if chance < 0.08:
            raise ActionFailed("BUSY", "try again", retryable=True)
        if chance < 0.12:
            raise ActionFailed("NO", "never")
        if chance < 0.20:
            # The effect happened, and nobody knows.
            done = self.world.effects.done
            done[call.effect_key] = done.get(call.effect_key, 0) + 1
            raise ActionFailed("LOST", "no answer", unknown=True)
        if chance < 0.24:
            raise ActionFailed("LOST", "no answer, and nothing was done", unknown=True)
        if chance < 0.27:
            return {"id": 7}  # a lie
        return {"id": call.effect_key}

    def provide(self, tenant: Any, event: ActionRequested) -> None:
        """The provider does it once per key, and answers somehow."""
        chance = self.random.random() if self.wild else 1.0
        if chance < 0.1:
            return  # it hangs
        if chance < 0.2:
            failed = finished(event, succeeded=False, output=None, error_code="NO", retryable=chance < 0.15)
            self.queue.append((tenant, failed))
            return
        self.provided.add(event.effect_key)
        answer = finished(event, output={"id": event.effect_key} if chance > 0.25 else {"id": None})
        self.queue += [(tenant, answer)] * (2 if 0.3 < chance < 0.5 else 1)

    def take_events(self) -> None:
        told = self.world.bus.told
        self.queue += told[self.taken :]
        self.taken = len(told)

    def deliver(self) -> None:
        """Any event, perhaps again later."""
        self.take_events()
        if not self.queue:
            return
        tenant, event = self.queue.pop(self.random.randrange(len(self.queue)))
        if isinstance(event, ActionRequested):
            self.provide(tenant, event)
            return
        if self.wild and self.random.random() < 0.1:
            self.queue.append((tenant, event))
        try:
            self.world.handle(tenant, event)
        except (Crash, OnyxError):
            self.queue.append((tenant, event))

    def repeat(self) -> None:
        """A call that was made before, once more: now, or long after."""
        calls = [call for each in self.world.executions.walkers.values() for call in each.calls]
        if calls:
            call = self.random.choice(calls[-5:] if self.random.random() < 0.7 else calls)
            self.safely(lambda: self.world.dispatch(request_of({**call.payload})))

    def decide(self) -> None:
        open_ = [each for each in self.world.approvals.rows.values() if each.status is ApprovalStatus.OPEN]
        if open_:
            approval = self.random.choice(open_)
            who = person(self.random.choice(("bob", "cleo", "dan")))
            approve = self.random.random() < 0.8
            self.safely(lambda: self.world.approving.decide(who, approval.id, approve))

    def resolve(self) -> None:
        """People tell the truth, after a while."""
        for record in self.unknown():
            done = record.effect_key in self.provided or record.effect_key in self.world.effects.done
            self.safely(
                lambda record=record, done=done: self.world.resolve(
                    person(),
                    record.run,
                    record.step,
                    record.at,
                    done=done,
                    output={"id": record.effect_key} if done else None,
                )
            )

    def unknown(self) -> list[StepRecord]:
        return [each for each in self.world.journal.rows.values() if each.status is StepStatus.UNKNOWN]

    def cancel(self) -> None:
        run = self.random.choice(self.runs())
        self.safely(lambda: self.world.cancel(ACME, run.id, "cleo"))

    def retry(self) -> None:
        run = self.random.choice(self.runs())
        steps = [each.id for each in self.published.definition.every_step()]
        step = self.random.choice([None, None, *steps])
        key = self.random.choice("ab")
        self.safely(lambda: self.world.retry(person(), run.id, key=key, from_step=step))

    def reconcile(self) -> None:
        """What the scheduled job does."""
        world = self.world
        for approval in list(world.approvals.rows.values()):
            self.safely(lambda approval=approval: world.approving.tend(ACME, approval))
        for run in self.runs():
            if run.status is RunStatus.CANCELLING:
                self.safely(lambda run=run: world.cancel.advance(ACME, run.id))
            elif run.status in (RunStatus.QUEUED, RunStatus.STARTING):
                self.safely(lambda run=run: world.launch(ACME, run.id))
            elif run.status is RunStatus.RUNNING:
                self.safely(lambda run=run: world.answers.resend(ACME, run.id))
                self.safely(lambda run=run: self.end_as_its_execution(run))

    def end_as_its_execution(self, run: Run) -> None:
        status = self.world.executions.status("", run.id)
        if status in ("FAILED", "TIMED_OUT", "ABORTED"):
            known = RunStatus.TIMED_OUT if status == "TIMED_OUT" else RunStatus.FAILED
            ended = replace(run, status=known, ended_at=self.world.clock.now())
            self.world.runs.change(ACME, run, ended, [run_finished(ACME, ended)])

    # --- and what comes of it ---

    def safely(self, act: Callable[[], Any]) -> Any:
        try:
            return act()
        except (Crash, Conflict, NotFound, OnyxError):
            return None

    def runs(self) -> list[Run]:
        return list(self.world.runs.rows.values())

    def play(self) -> None:
        acts: list[tuple[float, Callable[[], Any]]] = [
            (0.50, self.turn),
            (0.70, self.deliver),
            (0.78, self.repeat),
            (0.84, self.decide),
            (0.88, self.resolve),
            (0.95, self.reconcile),
            (0.96, self.cancel),
            (1.00, self.retry),
        ]
        for _ in range(self.random.randrange(20, 400)):
            chance = self.random.random()
            next(act for limit, act in acts if chance < limit)()
        self.wild, again = False, 2
        for number in range(MOST_TURNS):
            self.take_events()
            if self.queue:
                self.deliver()
            elif not self.turn():
                self.reconcile()
                self.take_events()
                if not self.queue and all(run.status.ended for run in self.runs()):
                    if not again:
                        return
                    # Two operators at once, and the world turns wild once more.
                    again, self.wild = again - 1, again > 1
                    self.retry()
                    self.retry()
            if number % 20 == 0:
                self.reconcile()
                self.resolve()
        raise AssertionError([(run.id, run.status) for run in self.runs() if not run.status.ended])

    def turn(self) -> bool:
        going = [e for e in self.world.executions.walkers.values() if e.status is Status.RUNNING]
        if not going:
            self.world.clock.reach(self.world.clock.now() + timedelta(seconds=30))
            return False
        return self.world.turn()


def check(chaos: Chaos) -> None:
    world = chaos.world
    told = [event.run_id for event in world.bus.of(RunFinished)]
    assert sorted(told) == sorted(run.id for run in chaos.runs()), "one end for each run"
    for run in chaos.runs():
        assert run.audit_head is not None, "sealed"
        assert world.audit.verify(ACME, run.id, run.audit_head) is None
        assert (ACME, run.id) in world.artifacts.histories
        assert run.version == 1
    assert all(each.status is not ApprovalStatus.OPEN for each in world.approvals.rows.values())
    steps = {each.id: each for each in chaos.published.definition.every_step()}
    for record in world.journal.rows.values():
        action = getattr(steps[record.step], "action", "")
        done = world.effects.done.get(record.effect_key, 0)
        if action in ("here.once", "here.search"):
            assert done <= 1, f"{record.step} was done {done} times under one key"
        if action.startswith("here.") and record.status is StepStatus.SUCCEEDED:
            assert done >= 1, f"{record.step} is said to be done"
        if action.startswith("there.") and record.status is StepStatus.SUCCEEDED:
            assert record.effect_key in chaos.provided
    check_keys(chaos)
    asked = [(each.run_id, each.effect_key, each.attempt) for each in world.bus.of(ActionRequested)]
    assert len(asked) == len(set(asked)), "asked for once per attempt"


def check_keys(chaos: Chaos) -> None:
    """A run and its retries have one key for each effect that must not be repeated: a second one only where
    somebody named a step to do again from."""
    runs = {run.id: run for run in chaos.runs()}
    keys: dict[tuple[str, str, str], set[str]] = {}
    asked_again: dict[str, int] = {}
    for run in runs.values():
        first = run
        while first.retry_of is not None:
            first = runs[first.retry_of]
        asked_again[first.id] = asked_again.get(first.id, 0) + (run.from_step is not None)
        for record in chaos.world.journal.every(ACME, run.id):
            happened = chaos.world.effects.done.get(record.effect_key) or record.effect_key in chaos.provided
            if happened:
                keys.setdefault((first.id, record.at, record.step), set()).add(record.effect_key)
    main = {step.id for step in walk(chaos.published.definition.steps)}
    for (first_id, at, step), found in keys.items():
        if step in main:
            assert len(found) <= 1 + asked_again[first_id], f"{step} at {at} had {len(found)} effects"


def once(definition: Definition, random: Random) -> None:
    chaos = Chaos(random, definition)
    chaos.play()
    check(chaos)


@settings(max_examples=100, suppress_health_check=list(HealthCheck))
@given(definitions(), st.integers(0, 2**32))
def test_each_effect_once_and_each_run_ends(definition: Definition, seed: int) -> None:
    once(definition, Random(seed))


@pytest.mark.long
@settings(max_examples=3_000, suppress_health_check=list(HealthCheck))
@given(definitions(most=12), st.integers(0, 2**32))
def test_each_effect_once_and_each_run_ends_for_long(definition: Definition, seed: int) -> None:
    once(definition, Random(seed))
