"""Cancelling and retrying runs, with a death between any two writes."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from services.workflow.domain.definition import (
    ActionStep,
    ApprovalStep,
    Branch,
    ChoiceStep,
    Definition,
    ForEachStep,
    Retry,
    Step,
    WaitStep,
)
from services.workflow.domain.run import Run, RunStatus, StepRecord, StepStatus
from services.workflow.domain.runtime_ports import ActionCall, ActionFailed
from services.workflow.events import RunCancelled, RunFinished, RunRequested, StepNeedsAttention
from shared.actions import ActionRequested
from shared.errors import NotFound, OnyxError
from tests.fakes.workflow_definitions import ACTIONS
from tests.fakes.workflow_runtime import ACME, GLOBEX, Crash, World, crash_once, finished, person


@pytest.fixture
def world() -> World:
    return World(ACTIONS)


def act(id: str, action: str = "here.again", text: str = "hello", **more: Any) -> ActionStep:
    return ActionStep(id, action, {"text": text}, retry=Retry(attempts=1), **more)


def begun(world: World, *steps: Step, **more: Any) -> str:
    definition = Definition("any-workflow", "Any", steps, **more)
    return world.start(world.publish(definition), inputs={"list": ["x", "y"]})


def refused(act: Callable[[], Any]) -> str:
    with pytest.raises(OnyxError) as caught:
        act()
    return caught.value.code


def reconciled(world: World) -> None:
    """To the end, with what the job does every minute; deaths are repeated."""
    for _ in range(2_000):
        try:
            world.deliver(finished)
            for (tenant, id), run in list(world.runs.rows.items()):
                if run.status is RunStatus.CANCELLING:
                    world.cancel.advance(tenant, id)
                if run.status in (RunStatus.QUEUED, RunStatus.STARTING):
                    world.launch(tenant, id)
        except Crash:
            world._handled -= world._handled > 0
        world.turn()


# --- cancel ---


POINTS = [
    "run cancelling", "execution stopped", "clean-up started", "run cancelled", "run written",
    "run to be ended", "run ended", "end audited", "history written",
]  # fmt: skip


@pytest.mark.parametrize("point", [None, *POINTS])
@pytest.mark.parametrize("cleans", [True, False])
def test_a_cancelled_run_cleans_up_and_ends_once(world: World, point: str | None, cleans: bool) -> None:
    cleanup = (act("clean", text="${error.code}"),) if cleans else ()
    run = begun(world, act("a"), WaitStep("w", seconds=600), act("b"), on_failure=cleanup)
    while world.journal.get(ACME, run, "w", "") is None:
        world.turn()
    if point is not None:
        world.failpoint.strikes = crash_once(point)
    try:
        world.cancel(ACME, run, "cleo")
    except Crash:
        world.cancel(ACME, run, "cleo")
    reconciled(world)
    row = world.run(run)
    assert (row.status, row.cancelled_by) == (RunStatus.CANCELLED, "cleo")
    assert row.audit_head is not None
    assert len(world.bus.of(RunFinished)) == len(world.bus.of(RunCancelled)) == 1
    assert world.journal.get(ACME, run, "b", "") is None
    assert (world.journal.get(ACME, run, "clean", "") is not None) is cleans
    assert [each.act for each in world.audit.entries(ACME, run)].count("run.cancelled") == 1
    assert world.audit.verify(ACME, run, row.audit_head) is None


def test_a_run_that_waits_for_its_place_is_cancelled_at_once(world: World) -> None:
    run = begun(world, act("a"))
    row = world.runs.rows[ACME, run]
    world.runs.rows[ACME, run] = Run(**{**row.__dict__, "status": RunStatus.QUEUED})
    assert world.cancel(ACME, run, "cleo").status is RunStatus.CANCELLED
    world.run_to_end()
    assert world.effects.calls == []
    assert world.run(run).status is RunStatus.CANCELLED


def test_what_cannot_be_cancelled(world: World) -> None:
    run = begun(world, act("a"))
    with pytest.raises(NotFound):
        world.cancel(GLOBEX, run, "mallory")
    with pytest.raises(NotFound):
        world.cancel.advance(GLOBEX, run)
    world.run_to_end()
    assert refused(lambda: world.cancel(ACME, run, "cleo")) == "RUN_ENDED"


def test_two_operators_cancel_at_once(world: World) -> None:
    run = begun(world, WaitStep("w", seconds=60))
    while world.journal.get(ACME, run, "w", "") is None:
        world.turn()
    world.cancel(ACME, run, "cleo")
    assert world.cancel(ACME, run, "dan").cancelled_by == "cleo"
    world.run_to_end()
    assert len(world.bus.of(RunCancelled)) == 1


def test_a_clean_up_that_fails_still_ends_the_run(world: World) -> None:
    run = begun(world, WaitStep("w", seconds=600), on_failure=(act("clean"),))
    while world.journal.get(ACME, run, "w", "") is None:
        world.turn()
    world.cancel(ACME, run, "cleo")
    world.deliver()
    world.executions.walkers[f"{run}.cleanup"].stop()
    assert world.cancel.advance(ACME, run)
    row = world.run(run)
    assert row.failure is not None
    assert (row.status, row.failure.code) == (RunStatus.CANCELLED, "CLEANUP_FAILED")


def test_a_step_that_is_asked_to_begin_after_a_cancellation_does_not(world: World) -> None:
    run = begun(world, act("a"), act("b"))
    while not world.effects.calls:
        world.turn()
    world.cancel(ACME, run, "cleo")
    while world.turn():
        pass
    assert [call.input["text"] for call in world.effects.calls] == ["hello"]


# --- retry ---


def fails_at(world: World, *texts: str) -> None:
    """Actions with these texts fail, until told otherwise."""

    def does(call: ActionCall) -> dict[str, Any]:
        if call.input["text"] in texts:
            raise ActionFailed("NO", "not now")
        return {"id": call.effect_key}

    world.effects.does = does


def records(world: World, run: str) -> dict[str, StepRecord]:
    return {f"{each.at}/{each.step}".strip("/"): each for each in world.journal.every(ACME, run)}


def test_a_retry_does_only_what_was_not_done(world: World) -> None:
    fails_at(world, "bad")
    run = begun(world, act("a", "here.once"), act("b", "here.once", "bad"), act("c", "here.once"))
    world.run_to_end()
    before = records(world, run)
    fails_at(world)
    made = world.retry(person("bob"), run, key="k1")
    world.run_to_end()
    after = records(world, made.id)
    assert world.run(made.id).status is RunStatus.SUCCEEDED
    assert world.run(made.id).version == world.run(run).version
    assert (after["a"].carried_from, after["a"].effect_key) == (run, before["a"].effect_key)
    assert after["b"].effect_key == before["b"].effect_key, "one effect, one key"
    assert after["b"].status is StepStatus.SUCCEEDED
    assert set(world.effects.done.values()) == {1}
    assert world.run(run).retried_by == made.id
    assert world.audit.entries(ACME, made.id)[0].act == "run.started"
    assert world.audit.verify(ACME, run, world.run(run).audit_head) is None


def test_from_a_step_that_had_succeeded_it_is_done_again_under_a_new_key(world: World) -> None:
    run = begun(world, act("a"), act("b", text="${steps.a.output.id}"), act("c"))
    world.run_to_end()
    assert refused(lambda: world.retry(person(), run, key="k")) == "RUN_NOT_RETRYABLE"
    made = world.retry(person(), run, key="k", from_step="b")
    world.run_to_end()
    before, after = records(world, run), records(world, made.id)
    assert after["a"].effect_key == before["a"].effect_key
    assert after["b"].effect_key != before["b"].effect_key
    assert after["c"].effect_key != before["c"].effect_key
    assert after["b"].input == before["b"].input
    assert len(world.effects.done) == 5


def test_a_loop_goes_on_with_the_iterations_that_failed(world: World) -> None:
    fails_at(world, "y")
    loop = ForEachStep("each", "inputs.list", (act("b", "here.once", "${item}"),), max_items=3, concurrency=1)
    run = begun(world, loop)
    world.run_to_end()
    fails_at(world)
    made = world.retry(person(), run, key="k")
    world.run_to_end()
    assert world.run(made.id).status is RunStatus.SUCCEEDED
    after = records(world, made.id)
    assert after["each[0]/b"].carried_from == run
    assert set(world.effects.done.values()) == {1}


def test_a_handled_failure_and_a_choice_go_the_same_way_again(world: World) -> None:
    fails_at(world, "bad", "worse")
    branches = (Branch((act("b", text="bad", on_failure=(act("h"),)),), "inputs.list"), Branch((act("z"),)))
    run = begun(world, ChoiceStep("a", branches), act("c", text="worse"))
    world.run_to_end()
    fails_at(world)
    made = world.retry(person(), run, key="k")
    world.run_to_end()
    after = records(world, made.id)
    assert world.run(made.id).status is RunStatus.SUCCEEDED
    assert (after["b"].status, after["b"].caught) == (StepStatus.FAILED, True)
    assert after["h"].carried_from == run
    assert after["c"].status is StepStatus.SUCCEEDED


def test_an_approval_that_was_not_given_is_asked_for_anew(world: World) -> None:
    run = begun(world, ApprovalStep("ask", "ok?", expires=60), act("b"))
    world.run_to_end()
    made = world.retry(person(), run, key="k")
    while len(world.approvals.rows) < 2:
        world.deliver()
        world.turn()
    fresh = next(each for each in world.approvals.rows.values() if each.run == made.id)
    assert (fresh.requester, fresh.requesters) == ("bob", ("ann",))
    world.approving.decide(person("cleo"), fresh.id, True)
    world.run_to_end()
    assert world.run(made.id).status is RunStatus.SUCCEEDED


def test_nobody_who_asked_for_a_run_approves_what_goes_on_from_it(world: World) -> None:
    """However often it was retried, and by whom."""
    run = begun(world, ApprovalStep("ask", "ok?", expires=60, subjects=("ann",)), act("b"))
    world.run_to_end()
    again = world.retry(person("bob"), run, key="k")
    world.run_to_end()
    last = world.retry(person("cleo"), again.id, key="k")
    while len(world.approvals.rows) < 3:
        world.deliver()
        world.turn()
    fresh = next(each for each in world.approvals.rows.values() if each.run == last.id)
    for name in ("ann", "bob", "cleo"):
        decide = partial(world.approving.decide, person(name), fresh.id, True)
        assert refused(decide) == "SELF_APPROVAL"
    world.approving.decide(person("dan"), fresh.id, True)
    world.run_to_end()
    assert world.run(last.id).status is RunStatus.SUCCEEDED


def test_an_outcome_that_nobody_knew_is_asked_about_again(world: World) -> None:
    world.failpoint.strikes = crash_once("effect done")
    run = begun(world, act("a", "here.once"), timeout=3 * 86_400)
    world.run_to_end()
    assert world.run(run).failure.code == "EFFECT_UNKNOWN"  # type: ignore[union-attr]
    made = world.retry(person(), run, key="k")
    while (record := world.journal.get(ACME, made.id, "a", "")) is None:
        world.deliver()
        world.turn()
    assert record.status is StepStatus.UNKNOWN
    world.resolve(person(), made.id, "a", done=True, output={"id": "seen"})
    world.run_to_end()
    assert world.run(made.id).status is RunStatus.SUCCEEDED
    assert list(world.effects.done.values()) == [1]


@pytest.mark.parametrize("done", [True, False])
def test_what_may_not_be_asked_twice_is_asked_about_when_its_run_is_retried(world: World, done: bool) -> None:
    """The run was cancelled while another service was at work."""
    run = begun(world, act("a", "there.once"))
    while not world.bus.of(ActionRequested):
        world.turn()
    world.cancel(ACME, run, "cleo")
    world.run_to_end()
    made = world.retry(person(), run, key="k")
    while (record := world.journal.get(ACME, made.id, "a", "")) is None:
        world.deliver()
        world.turn()
    for _ in range(5):
        world.deliver()
        world.turn()
    assert record.status is StepStatus.UNKNOWN
    assert len(world.bus.of(ActionRequested)) == len(world.bus.of(StepNeedsAttention)) == 1
    world.resolve(person(), made.id, "a", done=done, output={"id": "seen"})
    world.run_to_end(finished)
    assert world.run(made.id).status is RunStatus.SUCCEEDED
    assert len(world.bus.of(ActionRequested)) == (1 if done else 2)


def test_it_can_also_be_told_before_the_retry(world: World) -> None:
    world.failpoint.strikes = crash_once("effect done")
    run = begun(world, act("a", "here.once"), timeout=3 * 86_400)
    world.run_to_end()
    world.resolve(person(), run, "a", done=True, output={"id": "seen"})
    made = world.retry(person(), run, key="k")
    world.run_to_end()
    assert world.run(made.id).status is RunStatus.SUCCEEDED
    assert list(world.effects.done.values()) == [1]


def test_an_answer_to_the_earlier_run_is_the_laters(world: World) -> None:
    run = begun(world, act("a", "there.again", timeout=5))
    world.run_to_end(lambda event: None)
    made = world.retry(person(), run, key="k")
    while len(world.bus.of(ActionRequested)) < 2:
        world.deliver()
        world.turn()
    first, second = world.bus.of(ActionRequested)
    assert (first.effect_key, first.run_id) == (second.effect_key, run)
    world.answers.action_finished(ACME, finished(first))
    world.run_to_end(lambda event: None)
    assert world.run(made.id).status is RunStatus.SUCCEEDED


@pytest.mark.parametrize("point", ["retry claimed", "retry created", "journal carried", "run running"])
def test_a_retry_that_died_half_way_is_one_run(world: World, point: str) -> None:
    fails_at(world, "bad")
    run = begun(world, act("a", "here.once"), act("b", "here.once", "bad"))
    world.run_to_end()
    fails_at(world)
    world.failpoint.strikes = crash_once(point)
    try:
        made = world.retry(person("bob"), run, key="k1")
    except Crash:
        # Another operator, who knows nothing of the first.
        made = world.retry(person("cleo"), run, key="k2" if point == "retry claimed" else "k1")
    reconciled(world)
    assert point in world.failpoint.seen
    assert world.run(made.id).status is RunStatus.SUCCEEDED
    assert len(world.bus.of(RunRequested)) == 1
    assert set(world.effects.done.values()) == {1}


def test_what_cannot_be_retried(world: World) -> None:
    fails_at(world, "bad")
    run = begun(world, act("a"), act("b", text="bad"))
    assert refused(lambda: world.retry(person(), run, key="k")) == "RUN_NOT_ENDED"
    world.run_to_end()
    with pytest.raises(NotFound):
        world.retry(person(tenant=GLOBEX), run, key="k")
    assert refused(lambda: world.retry(person(), run, key="k", from_step="zz")) == "STEP_UNKNOWN"
    made = world.retry(person(), run, key="k")
    assert world.retry(person(), run, key="k").id == made.id
    assert world.retry(person(), run, key="other").id == made.id, "the same person asks again"
    assert refused(lambda: world.retry(person("cleo"), run, key="other")) == "RUN_RETRIED"
    assert refused(lambda: world.retry(person(), run, key="other", from_step="a")) == "RUN_RETRIED"
    world.run_to_end()
    assert refused(lambda: world.retry(person(), run, key="other")) == "RUN_RETRIED"
    fails_at(world)
    last = world.retry(person(), made.id, key="k")
    world.run_to_end()
    assert world.run(last.id).status is RunStatus.SUCCEEDED
    assert records(world, last.id)["a"].carried_from == run
