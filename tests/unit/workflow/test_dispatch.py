"""Steps as the dispatcher does them: attempts, deaths at each point, answers of every kind, scopes."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.workflow.domain.asl_walker import Fault
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
from services.workflow.domain.dispatch import Op, Outcome, Request
from services.workflow.domain.run import RunStatus, StepRecord, StepStatus
from services.workflow.domain.runtime_ports import ActionCall, ActionFailed
from services.workflow.events import RunFinished, RunStarted, StepNeedsAttention
from shared.actions import ActionProgressed, ActionRequested
from shared.errors import Conflict, NotFound, Unprocessable
from shared.tenancy import Role
from tests.fakes.workflow_definitions import ACTIONS
from tests.fakes.workflow_runtime import (
    ACME,
    GLOBEX,
    Crash,
    World,
    crash_once,
    finished,
    person,
    request_of,
    soon,
)

INPUTS = {"n": 3, "list": ["x", "y"]}


def workflow(*steps: Step, **more: Any) -> Definition:
    return Definition(id="any-workflow", title="Any", steps=steps, **more)


def act(id: str = "a", action: str = "here.again", text: str = "hello", **more: Any) -> ActionStep:
    return ActionStep(id, action, {"text": text}, **more)


def ran(world: World, *steps: Step, provider: Any = finished, **more: Any) -> str:
    run = world.start(world.publish(workflow(*steps, **more)), inputs=INPUTS)
    world.run_to_end(provider)
    return run


def step(world: World, run: str, id: str = "a", at: str = "") -> StepRecord:
    found = world.journal.get(ACME, run, id, at)
    assert found is not None
    return found


@pytest.fixture
def world() -> World:
    return World(ACTIONS)


# --- an attempt and its death ---


@pytest.mark.parametrize("action", ["here.again", "here.search"])
@pytest.mark.parametrize(
    "point", ["attempt begins", "attempt journaled", "effect done", "attempt ended", "journal written"]
)
def test_a_step_survives_a_death_at_any_point(world: World, action: str, point: str) -> None:
    world.failpoint.strikes = crash_once(point)
    run = ran(world, act(action=action))
    assert world.run(run).status is RunStatus.SUCCEEDED
    assert point in world.failpoint.seen
    done = world.effects.done[step(world, run).effect_key]
    assert done == 1 or (action == "here.again" and done == 2)
    assert len(world.bus.of(RunFinished)) == 1


@pytest.mark.parametrize("point", ["attempt journaled", "effect done"])
@pytest.mark.parametrize("done", [True, False])
def test_a_lost_outcome_waits_for_a_person(world: World, point: str, done: bool) -> None:
    world.failpoint.strikes = crash_once(point)
    run = world.start(world.publish(workflow(act(action="here.once"), act("b", text="${steps.a.output.id}"))))
    while not world.bus.of(StepNeedsAttention):
        assert world.turn()
    assert len(world.bus.of(StepNeedsAttention)) == 1
    record = step(world, run)
    before = world.effects.done.get(record.effect_key, 0)
    output = {"id": "told"} if done else None
    world.resolve(person("bob", Role.OPERATOR), run, "a", done=done, output=output)
    with pytest.raises(Conflict, match="known"):
        world.resolve(person("cleo"), run, "a", done=not done)
    world.run_to_end()
    assert world.run(run).status is RunStatus.SUCCEEDED
    assert world.effects.done.get(record.effect_key, 0) == before + (0 if done else 1)
    assert step(world, run, "b").input == {"text": "told" if done else record.effect_key}
    acts = [each.act for each in world.audit.entries(ACME, run)]
    assert {"step.unknown", "step.resolved"} <= set(acts)


def test_a_resolution_is_of_the_declared_output(world: World) -> None:
    world.failpoint.strikes = crash_once("effect done")
    run = world.start(world.publish(workflow(act(action="here.once"))))
    while not world.bus.of(StepNeedsAttention):
        world.turn()
    with pytest.raises(Unprocessable):
        world.resolve(person(), run, "a", done=True, output={"id": 7})
    with pytest.raises(NotFound):
        world.resolve(person(tenant=GLOBEX), run, "a", done=True)
    with pytest.raises(NotFound):
        world.resolve(person(), run, "a", "each[1]", done=True)


def test_nobody_tells_and_the_run_fails_in_the_end(world: World) -> None:
    world.failpoint.strikes = crash_once("effect done")
    run = ran(world, act(action="here.once"), timeout=3 * 86_400)
    assert (world.run(run).status, world.run(run).failure.code) == (RunStatus.FAILED, "EFFECT_UNKNOWN")
    assert world.effects.done[step(world, run).effect_key] == 1
    assert world.clock.now() - world.run(run).started_at < timedelta(days=1, minutes=10)


def test_a_step_gives_up_before_its_run_is_stopped(world: World) -> None:
    """However rarely it is looked at by then."""
    world.failpoint.strikes = crash_once("effect done")
    run = ran(world, act(action="here.once"), timeout=6 * 3600)
    row = world.run(run)
    assert (row.status, row.failure.code) == (RunStatus.FAILED, "EFFECT_UNKNOWN")  # type: ignore[union-attr]
    assert timedelta(0) < row.deadline - row.ended_at <= timedelta(minutes=10)  # type: ignore[operator]


def test_attempts_that_keep_dying_end_the_step(world: World) -> None:
    world.failpoint.strikes = lambda name: name == "attempt journaled"
    run = ran(world, act(timeout=10))
    assert world.run(run).status is RunStatus.FAILED
    assert step(world, run).failure.code in ("ATTEMPTS_LOST", "STATE_FAILED")
    assert world.effects.calls == []


def test_while_an_attempt_is_at_work_nobody_else_begins(world: World) -> None:
    run = world.start(world.publish(workflow(act(timeout=20))))
    begin = Request(Op.BEGIN, ACME, "any-workflow", 1, run, run)
    ask = replace(begin, op=Op.STEP, step="a")
    world.dispatch(begin)
    inner = []

    def meanwhile(call: ActionCall) -> dict[str, Any]:
        inner.append(world.dispatch(ask))
        return {"id": "x"}

    world.effects.does = meanwhile
    assert world.dispatch(ask).outcome is Outcome.OK
    assert (inner[0].outcome, inner[0].delay) == (Outcome.RETRY, 25)
    assert len(world.effects.calls) == 1


def test_every_call_may_come_twice(world: World) -> None:
    world.fault = lambda call: Fault.TWICE
    run = ran(world, act(), act("b", "here.once"), act("c", "there.once"), WaitStep("w", seconds=3))
    assert world.run(run).status is RunStatus.SUCCEEDED
    assert list(world.effects.done.values()) == [1, 1]
    assert len(world.bus.of(ActionRequested)) == 1
    assert len(world.bus.of(RunStarted)) == len(world.bus.of(RunFinished)) == 1


# --- failures and attempts ---


def failing(times: int, **how: Any) -> Any:
    left = [times]

    def does(call: ActionCall) -> dict[str, Any]:
        if left[0]:
            left[0] -= 1
            raise ActionFailed("BUSY", "try again", **how)
        return {"id": call.effect_key}

    return does


def test_attempts_back_off_with_full_jitter(world: World) -> None:
    asked = []

    def uniform(low: float, high: float) -> float:
        asked.append((low, high))
        return high / 2

    world.uniform = uniform
    world.effects.does = failing(3, retryable=True)
    run = ran(world, act(retry=Retry(attempts=4, delay=8, backoff=3, max_delay=60)))
    assert world.run(run).status is RunStatus.SUCCEEDED
    assert asked == [(0, 8), (0, 24), (0, 60)]
    assert [call.attempt for call in world.effects.calls] == [1, 2, 3, 4]
    assert len({call.effect_key for call in world.effects.calls}) == 1
    assert world.clock.now() - world.run(run).started_at == timedelta(seconds=4 + 12 + 30)


def test_a_provider_says_how_long_to_wait(world: World) -> None:
    world.effects.does = failing(1, retryable=True, retry_after=100)
    run = ran(world, act())
    assert world.clock.now() - world.run(run).started_at == timedelta(seconds=100)


@pytest.mark.parametrize(("retryable", "calls"), [(True, 3), (False, 1)])
def test_attempts_end(world: World, retryable: bool, calls: int) -> None:
    world.effects.does = failing(9, retryable=retryable)
    run = ran(world, act(), act("b"))
    assert (world.run(run).status, world.run(run).failure.code) == (RunStatus.FAILED, "BUSY")
    assert world.run(run).failure.step == "a"
    assert len(world.effects.calls) == calls
    assert world.journal.get(ACME, run, "b", "") is None


def test_a_failure_that_is_handled_is_not_the_runs(world: World) -> None:
    world.effects.does = failing(1)
    handler = act("b", text="${error.code}: ${error.message} in ${error.step}")
    run = ran(world, act(on_failure=(handler,)), act("c", text="${steps.a.failure.code}"))
    assert world.run(run).status is RunStatus.SUCCEEDED
    assert step(world, run, "b").input == {"text": "BUSY: try again in a"}
    assert step(world, run, "c").input == {"text": "BUSY"}


def test_the_runs_own_on_failure_sees_why(world: World) -> None:
    world.effects.does = failing(1)
    run = ran(world, act(), on_failure=(act("b", text="${error.code} in ${error.step}"),))
    assert world.run(run).status is RunStatus.FAILED
    assert step(world, run, "b").input == {"text": "BUSY in a"}


@pytest.mark.parametrize("answer", [{"id": 7}, {}, {"id": None}, None, [1], "x"])
def test_a_lying_action_fails_its_step(world: World, answer: Any) -> None:
    world.effects.does = lambda call: answer
    run = ran(world, act())
    assert world.run(run).failure.code == "ACTION_OUTPUT_INVALID"
    assert len(world.effects.calls) == 1


def test_what_an_action_does_not_declare_is_left_out(world: World) -> None:
    world.effects.does = lambda call: {"id": "x", "extra": "y"}
    run = ran(world, act())
    assert step(world, run).output == {"id": "x"}


@pytest.mark.parametrize(
    ("action", "status"), [("here.again", StepStatus.FAILED), ("here.once", StepStatus.UNKNOWN)]
)
def test_an_action_whose_code_breaks_has_an_outcome(world: World, action: str, status: StepStatus) -> None:
    def breaks(call: ActionCall) -> dict[str, Any]:
        raise ZeroDivisionError("secret")

    world.effects.does = breaks
    run = world.start(world.publish(workflow(act(action=action, retry=Retry(attempts=1)))))
    for _ in range(50):
        world.turn()
    record = step(world, run)
    assert record.status is status
    assert record.failure.code == "ACTION_CRASHED"
    assert "secret" not in record.failure.message


@pytest.mark.parametrize(
    ("made", "code"),
    [
        (act(text="${unknown_function(inputs)}"), "EXPRESSION_SYNTAX"),
        (ActionStep("a", "here.again", {"text": "${inputs.list}"}), "ACTION_INPUT_INVALID"),
        (ActionStep("a", "here.again", {"text": "x" * 200_000}), "ACTION_INPUT_INVALID"),
        (ForEachStep("a", "inputs.list", (act("b"),), max_items=1), "TOO_MANY_ITEMS"),
        (ForEachStep("a", "inputs.n", (act("b"),)), "ITEMS_INVALID"),
        (WaitStep("a", until="inputs.n"), "WAIT_UNTIL_INVALID"),
        (WaitStep("a", until="'2026-01-01T00:00:00'"), "WAIT_UNTIL_INVALID"),
        (WaitStep("a", until="'2027-01-01T00:00:00Z'"), "WAIT_BEYOND_TIMEOUT"),
    ],
)
def test_what_data_makes_impossible_fails_with_a_code(world: World, made: Step, code: str) -> None:
    run = ran(world, made)
    failure = world.run(run).failure
    assert (failure.code, failure.step) == (code, "a"), failure
    assert world.effects.calls == []


def test_outputs_that_cannot_be_made_fail_the_run(world: World) -> None:
    run = ran(world, act(), outputs={"x": "${to_number(inputs.list)}", "y": "${abs(inputs.list)}"})
    assert (world.run(run).status, world.run(run).failure.code) == (RunStatus.FAILED, "OUTPUTS_INVALID")


def test_outputs_that_no_row_can_hold_fail_the_run(world: World) -> None:
    long = "${join('', [steps.a.output.id, steps.a.output.id])}"
    world.effects.does = lambda call: {"id": "x" * 60_000}
    run = ran(world, act(), outputs={"x": long})
    failure = world.run(run).failure
    assert failure is not None
    assert (world.run(run).status, failure.code) == (RunStatus.FAILED, "OUTPUTS_TOO_LARGE")
    assert "100000" in failure.message


# --- what steps see ---


def test_a_loop_sees_its_item_and_the_steps_beside_it(world: World) -> None:
    inner = (act("b", text="${item}${index}"), act("c", text="${steps.b.output.id}"))
    run = ran(
        world,
        act(),
        ForEachStep("each", "inputs.list", inner, max_items=3),
        act("d", text="${steps.b.status}"),
    )
    assert world.run(run).status is RunStatus.SUCCEEDED
    for index, item in enumerate(("x", "y")):
        beside = step(world, run, "b", f"each[{index}]")
        assert beside.input == {"text": f"{item}{index}"}
        assert step(world, run, "c", f"each[{index}]").input == {"text": beside.effect_key}
    assert step(world, run, "d").input == {"text": None}, "not seen from outside"


def test_a_loop_in_a_loop_sees_its_own_item(world: World) -> None:
    inner = ForEachStep("in", "[item, 'z']", (act("b", text="${item}${index}"),), max_items=3)
    run = ran(world, ForEachStep("out", "inputs.list", (inner,), max_items=3))
    assert step(world, run, "b", "out[1]/in[0]").input == {"text": "y0"}
    assert step(world, run, "b", "out[0]/in[1]").input == {"text": "z1"}


def test_a_choice_is_made_once(world: World) -> None:
    branches = (
        Branch((act("b"),), "inputs.n > `5`"),
        Branch((act("c"),), "inputs.n > `2`"),
        Branch((act("d"),)),
    )
    run = ran(world, ChoiceStep("a", branches))
    assert step(world, run).branch == 1
    assert [each.step for each in world.journal.every(ACME, run)] == ["a", "c"]


def test_a_step_whose_condition_does_not_hold_is_skipped(world: World) -> None:
    run = ran(world, act(when="inputs.n == `0`"), act("b", text="${steps.a.status}"))
    assert step(world, run).status is StepStatus.SKIPPED
    assert step(world, run, "b").input == {"text": "skipped"}
    assert len(world.effects.calls) == 1


def test_a_large_output_is_read_from_where_it_is(world: World) -> None:
    world.effects.does = lambda call: {"id": "x" * 50_000}
    run = ran(
        world,
        act(),
        act("b", text="n ${length(steps.a.output.id)}"),
        outputs={"n": "${length(steps.a.output.id)}"},
    )
    assert step(world, run).output_location is not None
    assert world.run(run).outputs == {"n": 50_000}


# --- actions of other services ---


@pytest.mark.parametrize("point", ["action is due", "action asked for", "answer journaled", "answer told"])
def test_an_action_that_is_asked_for_survives_a_death_at_any_point(world: World, point: str) -> None:
    world.failpoint.strikes = crash_once(point)
    run = world.start(world.publish(workflow(act(action="there.once"))))
    for _ in range(500):
        try:
            world.deliver(finished)
        except Crash:
            world._handled -= 1  # the queue delivers it again
        world.turn()
    assert point in world.failpoint.seen
    assert world.run(run).status is RunStatus.SUCCEEDED
    assert len(world.bus.of(ActionRequested)) == 1


def test_another_service_acts_for_whoever_published_the_version(world: World) -> None:
    """What starts a run, an event or a webhook, has no policy of its own."""
    published = replace(world.publish(workflow(act(action="there.again"))), published_by="pam")
    world.versions.rows[ACME, published.workflow, published.version] = published
    run = world.start(published)
    world.run_to_end(finished)
    assert world.run(run).started_by == "ann"
    assert [each.requested_by for each in world.bus.of(ActionRequested)] == ["pam"]


@pytest.mark.parametrize(("attempt", "asked"), [(1, 1), (7, 2)])
def test_a_provider_that_tells_of_its_work_is_waited_for(world: World, attempt: int, asked: int) -> None:
    """Of another attempt it tells nothing of this one."""
    run = world.start(world.publish(workflow(act(action="there.again", timeout=100, heartbeat=10))))
    while not world.bus.of(ActionRequested):
        world.turn()
    (first,) = world.bus.of(ActionRequested)
    told = ActionProgressed(
        action=first.action, effect_key=first.effect_key, run_id=run, step="a", attempt=attempt
    )
    walker = world.executions.walkers[run]
    for seconds in (8, 16):
        walker.later(seconds, lambda: world.answers.action_progressed(ACME, told))
    walker.later(24, lambda: world.bus.tell(ACME, [finished(first)]))
    world.run_to_end()
    assert world.run(run).status is RunStatus.SUCCEEDED
    assert len(world.bus.of(ActionRequested)) == asked


def test_word_of_work_that_nobody_waits_for_is_nothing(world: World) -> None:
    run = ran(world, act(action="there.again"))
    record = step(world, run)
    for key in (record.effect_key, "e-none"):
        told = ActionProgressed(action="there.again", effect_key=key, run_id=run, step="a", attempt=1)
        world.answers.action_progressed(ACME, told)
        world.answers.action_progressed(GLOBEX, told)
    assert step(world, run) == record


def test_an_answer_is_journaled_even_where_the_token_is_lost(world: World) -> None:
    run = world.start(world.publish(workflow(act(action="there.once"))))
    while not world.bus.of(ActionRequested):
        world.turn()
    tell, world.executions.succeed = world.executions.succeed, lambda token, output: False  # type: ignore[method-assign]
    (asked,) = world.bus.of(ActionRequested)
    world.answers.action_finished(ACME, finished(asked))
    assert step(world, run).status is StepStatus.SUCCEEDED
    world.executions.succeed = tell  # type: ignore[method-assign]
    world.run_to_end(turns=200)  # its task times out, and the journal knows
    assert world.run(run).status is RunStatus.SUCCEEDED


def test_what_was_answered_and_not_told_is_told_by_reconciling(world: World) -> None:
    run = world.start(world.publish(workflow(act(action="there.once", timeout=50))))
    while not world.bus.of(ActionRequested):
        world.turn()
    (asked,) = world.bus.of(ActionRequested)
    world.failpoint.strikes = crash_once("answer journaled")
    with pytest.raises(Crash, match="answer journaled"):
        world.answers.action_finished(ACME, finished(asked))
    assert world.answers.resend(ACME, run) == 1
    assert world.answers.resend(ACME, run) == 0
    world.run_to_end()
    assert world.run(run).status is RunStatus.SUCCEEDED
    assert world.clock.now() - world.run(run).started_at < timedelta(seconds=50)


def test_answers_of_every_kind_are_taken_for_what_they_are(world: World) -> None:
    run = world.start(world.publish(workflow(act(action="there.again", retry=Retry(attempts=2, delay=5)))))
    while not world.bus.of(ActionRequested):
        world.turn()
    (asked,) = world.bus.of(ActionRequested)
    take = world.answers.action_finished
    take(ACME, finished(asked, effect_key="e-unknown"))
    take(GLOBEX, finished(asked))
    take(ACME, finished(asked, action="there.once"))
    take(ACME, finished(asked, attempt=7, succeeded=False))
    assert step(world, run).status is StepStatus.WAITING
    take(ACME, finished(asked, succeeded=False, error_code="BUSY", error="x" * 9_999, retryable=True))
    assert step(world, run).status is StepStatus.RETRYING
    assert len(step(world, run).failure.message) == 2_000
    take(ACME, finished(asked))  # late, and true: no second attempt is needed
    take(ACME, finished(asked))
    take(ACME, finished(asked, succeeded=False, error_code="NO"))
    assert step(world, run).status is StepStatus.SUCCEEDED
    world.run_to_end(finished)
    assert len(world.bus.of(ActionRequested)) == 1
    assert world.run(run).status is RunStatus.SUCCEEDED
    assert [each.act for each in world.audit.entries(ACME, run)].count("step.late_answer") == 1


@pytest.mark.parametrize("action", ["there.again", "there.search"])
def test_a_hanging_provider_is_asked_again_and_then_given_up(world: World, action: str) -> None:
    run = ran(
        world, act(action=action, timeout=30, retry=Retry(attempts=2, delay=1)), provider=lambda event: None
    )
    assert (world.run(run).status, world.run(run).failure.code) == (RunStatus.FAILED, "ACTION_TIMEOUT")
    assert [each.attempt for each in world.bus.of(ActionRequested)] == [1, 2]


def test_a_hanging_provider_that_may_not_be_repeated_is_not_asked_again(world: World) -> None:
    run = ran(world, act(action="there.once", timeout=30), provider=lambda event: None, timeout=3 * 86_400)
    assert world.run(run).failure.code == "EFFECT_UNKNOWN"
    assert len(world.bus.of(ActionRequested)) == 1
    assert len(world.bus.of(StepNeedsAttention)) == 1


def test_a_late_answer_settles_what_a_person_was_asked_about(world: World) -> None:
    run = world.start(world.publish(workflow(act(action="there.once", timeout=30))))
    while not world.bus.of(StepNeedsAttention):
        world.turn()
    (asked,) = world.bus.of(ActionRequested)
    world.answers.action_finished(ACME, finished(asked))
    world.run_to_end()
    assert world.run(run).status is RunStatus.SUCCEEDED


def test_an_answer_after_the_end_changes_nothing(world: World) -> None:
    run = ran(
        world, act(action="there.again", timeout=5, retry=Retry(attempts=1)), provider=lambda event: None
    )
    (asked,) = world.bus.of(ActionRequested)
    ended, record = world.run(run), step(world, run)
    world.answers.action_finished(ACME, finished(asked))
    assert (world.run(run), step(world, run)) == (ended, record)
    assert world.audit.verify(ACME, run, ended.audit_head) is None


# --- who may ask ---


def test_a_stranger_is_told_to_stop(world: World) -> None:
    run = world.start(world.publish(workflow(act())))
    asked = Request(Op.STEP, ACME, "any-workflow", 1, run, run, "a")
    world.dispatch(replace(asked, op=Op.BEGIN, step=None))
    for changes, code in (
        ({"tenant": GLOBEX}, "RUN_UNKNOWN"),
        ({"run": "r-0"}, "RUN_UNKNOWN"),
        ({"version": 2}, "RUN_OTHER_VERSION"),
        ({"workflow": "other"}, "RUN_OTHER_VERSION"),
        ({"mode": "cleanup"}, "RUN_RUNNING"),
    ):
        reply = world.dispatch(replace(asked, **changes))
        assert (reply.outcome, reply.code) == (Outcome.STOP, code)
    assert world.effects.calls == []


def test_a_run_that_has_ended_does_nothing_more(world: World) -> None:
    run = ran(world, act(), act("b", "there.once"), ApprovalStep("c", "ok?", when="`false`"))
    before = (world.run(run), len(world.effects.calls), len(world.bus.told))
    for call in world.executions.walkers[run].calls:
        reply = world.dispatch(request_of(call.payload))
        assert reply.outcome is (Outcome.OK if call.payload["op"] == "end" else Outcome.STOP)
    assert (world.run(run), len(world.effects.calls), len(world.bus.told)) == before


def test_a_state_that_breaks_outside_our_hands_is_in_the_journal(world: World) -> None:
    world.fault = lambda call: Fault.LOST if call.payload["op"] == "step" else Fault.NONE
    run = ran(world, act(), on_failure=(act("b"),))
    assert (world.run(run).status, world.run(run).failure.code) == (RunStatus.FAILED, "STATE_FAILED")
    assert step(world, run).failure.code == "STATE_FAILED"


def test_a_call_whose_answers_are_all_late_is_done_once(world: World) -> None:
    world.fault = lambda call: Fault.LATE if call.payload["op"] == "step" else Fault.NONE
    run = ran(world, act(action="here.once"))
    assert world.run(run).status is RunStatus.FAILED
    assert list(world.effects.done.values()) == [1]


def test_history_tells_all_but_tokens(world: World) -> None:
    run = ran(world, act(), act("b", "there.once"))
    document = world.artifacts.histories[ACME, run]
    assert [each["step"] for each in document["steps"]] == ["a", "b"]
    assert document["audit_head"] == world.run(run).audit_head
    assert "token" not in str(document)
    soon(world.clock, 1)
    assert world.seal(ACME, run) == world.run(run)
