"""Approvals: who may decide, when, how often; and what the run does about it."""

from collections.abc import Callable
from typing import Any

import pytest

from services.workflow.domain.definition import ActionStep, ApprovalStep, Definition
from services.workflow.domain.run import Approval, ApprovalStatus, RunStatus, StepStatus
from services.workflow.events import ApprovalDecided, ApprovalRequested
from shared.errors import Conflict, Forbidden, NotFound, OnyxError
from shared.tenancy import Role
from tests.fakes.workflow_definitions import ACTIONS
from tests.fakes.workflow_runtime import ACME, GLOBEX, Crash, World, crash_once, person, soon


class Asked:
    """A run that waits for an approval."""

    def __init__(self, world: World, **step: Any) -> None:
        after = ActionStep("after", "here.again", {"text": "${steps.ask.output.status}"})
        made = ApprovalStep("ask", "pay ${inputs.n}?", **{"expires": 3600, **step})
        definition = Definition("any-workflow", "Any", (made, after))
        self.world = world
        self.run = world.start(world.publish(definition), inputs={"n": 3})
        while not world.approvals.rows:
            world.turn()
        (self.id,) = (each.id for each in world.approvals.rows.values())

    def approval(self) -> Approval:
        found = self.world.approvals.get(ACME, self.id)
        assert found is not None
        return found

    def decide(self, name: str = "bob", approve: bool = True, *roles: Role, **more: Any) -> Approval:
        return self.world.approving.decide(person(name, *roles, **more), self.id, approve, "because")

    def end(self) -> tuple[RunStatus, str | None]:
        self.world.run_to_end()
        run = self.world.run(self.run)
        return run.status, None if run.failure is None else run.failure.code


@pytest.fixture
def world() -> World:
    return World(ACTIONS)


def refused(act: Callable[[], Any]) -> str:
    with pytest.raises(OnyxError) as caught:
        act()
    return caught.value.code


def test_a_quorum_lets_the_run_go_on(world: World) -> None:
    asked = Asked(world, count=2)
    assert asked.approval().message == "pay 3?"
    assert asked.decide("bob").status is ApprovalStatus.OPEN
    assert asked.decide("bob").status is ApprovalStatus.OPEN, "the same again counts once"
    assert world.bus.of(ApprovalDecided) == []
    assert asked.decide("cleo").status is ApprovalStatus.APPROVED
    assert asked.end() == (RunStatus.SUCCEEDED, None)
    record = world.journal.get(ACME, asked.run, "after", "")
    assert record is not None
    assert record.input == {"text": "approved"}
    (event,) = world.bus.of(ApprovalDecided)
    assert (event.status, event.by) == ("approved", ["bob", "cleo"])
    acts = [(each.act, each.by) for each in world.audit.entries(ACME, asked.run)]
    assert acts.count(("approval.decision", "bob")) == 1
    assert ("approval.approved", "cleo") in acts


def test_one_rejection_ends_it(world: World) -> None:
    asked = Asked(world, count=3)
    asked.decide("bob")
    assert asked.decide("cleo", False).status is ApprovalStatus.REJECTED
    assert refused(lambda: asked.decide("dan")) == "APPROVAL_CLOSED"
    assert asked.end() == (RunStatus.FAILED, "APPROVAL_REJECTED")
    failure = world.run(asked.run).failure
    assert failure is not None
    assert failure.message == "cleo rejected it: because"


def test_who_asked_does_not_approve(world: World) -> None:
    asked = Asked(world, subjects=("ann",))
    assert refused(lambda: asked.decide("ann")) == "SELF_APPROVAL"
    assert refused(lambda: asked.decide("ann", True, Role.ADMIN)) == "SELF_APPROVAL"


@pytest.mark.parametrize(
    ("name", "role", "allowed"),
    [
        ("bob", Role.APPROVER, True),
        ("bob", Role.ADMIN, True),
        ("eve", Role.VIEWER, True),
        ("bob", Role.OPERATOR, False),
        ("bob", Role.VIEWER, False),
    ],
)
def test_roles_and_names_say_who_may(world: World, name: str, role: Role, allowed: bool) -> None:
    asked = Asked(world, subjects=("eve",))
    if allowed:
        assert asked.decide(name, True, role).status is ApprovalStatus.APPROVED
    else:
        with pytest.raises(Forbidden) as caught:
            asked.decide(name, True, role)
        assert caught.value.code == "APPROVAL_NOT_YOURS"


def test_a_decision_is_final(world: World) -> None:
    asked = Asked(world, count=2)
    asked.decide("bob", True)
    assert refused(lambda: asked.decide("bob", False)) == "ALREADY_DECIDED"


def test_another_tenant_finds_no_approval(world: World) -> None:
    asked = Asked(world)
    with pytest.raises(NotFound):
        asked.decide("bob", tenant=GLOBEX)
    with pytest.raises(NotFound):
        world.approving.expire(GLOBEX, asked.id)


def test_after_its_time_it_is_too_late(world: World) -> None:
    asked = Asked(world)
    soon(world.clock, 3600)
    assert refused(lambda: asked.decide()) == "APPROVAL_EXPIRED"
    assert world.approving.tend(ACME, asked.approval()).status is ApprovalStatus.EXPIRED
    assert refused(lambda: asked.decide()) == "APPROVAL_EXPIRED"
    assert asked.end() == (RunStatus.FAILED, "APPROVAL_EXPIRED")


def test_an_expiry_branch_is_no_failure(world: World) -> None:
    branch = ActionStep("late", "here.again", {"text": "${error.code} ${steps.ask.status}"})
    asked = Asked(world, on_expiry=(branch,))
    assert asked.end() == (RunStatus.SUCCEEDED, None)
    record = world.journal.get(ACME, asked.run, "late", "")
    assert record is not None
    assert record.input == {"text": "APPROVAL_EXPIRED expired"}
    assert asked.approval().status is ApprovalStatus.EXPIRED


def test_a_decision_in_the_last_moment_counts(world: World) -> None:
    """Approved, and the event is late: the task times out, and the approval's row decides."""
    asked = Asked(world)
    asked.decide()
    while world.turn():
        pass
    assert world.run(asked.run).status is RunStatus.SUCCEEDED


def test_reminders_are_told_once_each(world: World) -> None:
    asked = Asked(world, reminders=600)
    assert world.approving.tend(ACME, asked.approval()).reminded_at is None
    soon(world.clock, 600)
    stale = asked.approval()
    world.approving.tend(ACME, stale)
    world.approving.tend(ACME, stale)
    world.approving.tend(ACME, asked.approval())
    soon(world.clock, 1300)
    world.approving.tend(ACME, asked.approval())
    assert [each.reminder for each in world.bus.of(ApprovalRequested)] == [0, 1, 3]


@pytest.mark.parametrize(
    "point", ["approval is due", "approval journaled", "approval opened", "approval written"]
)
def test_it_is_opened_once_whatever_dies(world: World, point: str) -> None:
    world.failpoint.strikes = crash_once(point)
    asked = Asked(world)
    world.executions.walkers[asked.run].later(60, asked.decide)
    assert asked.end() == (RunStatus.SUCCEEDED, None)
    assert len(world.bus.of(ApprovalRequested)) == 1


@pytest.mark.parametrize("point", ["approval saved", "approval written"])
def test_a_decision_that_died_half_way_is_made_again(world: World, point: str) -> None:
    asked = Asked(world)
    world.failpoint.strikes = crash_once(point)
    with pytest.raises(Crash):
        asked.decide()
    assert asked.decide().status is ApprovalStatus.APPROVED
    assert asked.end() == (RunStatus.SUCCEEDED, None)
    assert len(world.bus.of(ApprovalDecided)) == 1
    acts = [each.act for each in world.audit.entries(ACME, asked.run)]
    assert acts.count("approval.decision") == 1


def test_it_is_withdrawn_when_its_run_ends_without_it(world: World) -> None:
    asked = Asked(world)
    world.cancel(ACME, asked.run, "cleo")
    world.run_to_end()
    assert world.run(asked.run).status is RunStatus.CANCELLED
    assert asked.approval().status is ApprovalStatus.WITHDRAWN
    with pytest.raises(Conflict):
        asked.decide()
    record = world.journal.get(ACME, asked.run, "ask", "")
    assert record is not None
    assert record.status is StepStatus.FAILED
    assert record.failure is not None
    assert record.failure.code == "APPROVAL_WITHDRAWN"
