"""A dry run tells what a run would do: which steps, with what input, and when."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.workflow.domain.definition import (
    ActionStep,
    ApprovalStep,
    Branch,
    ChoiceStep,
    Definition,
    ForEachStep,
    ParallelStep,
    Step,
    WaitStep,
)
from services.workflow.domain.dry_run import Trace, dry_run
from services.workflow.domain.dry_run.stubs import sample
from services.workflow.domain.parsing import parse
from services.workflow.domain.templates import templates
from shared.actions import Field, Kind
from shared.errors import Unprocessable
from tests.fakes.workflow_definitions import ACTIONS, definitions
from tests.fakes.workflow_runtime import ACME, World, finished


def here(id: str, text: str = "x", **more: Any) -> ActionStep:
    return ActionStep(id, "here.again", with_={"text": text}, **more)


def tried(*steps: Step, outputs: Any = None, on_failure: tuple[Step, ...] = (), **more: Any) -> Trace:
    inputs = {"n": Field(Kind.INTEGER, default=1), "list": Field(Kind.LIST, default=["a", "b"])}
    definition = Definition("w", "W", steps, inputs=inputs, outputs=outputs or {}, on_failure=on_failure)
    return dry_run(definition, actions=ACTIONS, **more)


def reached(trace: Trace) -> dict[str, str]:
    return {f"{each.at}/{each.step}".lstrip("/"): each.outcome for each in trace.steps}


def test_steps_see_what_was_before_them() -> None:
    trace = tried(
        here("a", "n is ${inputs.n}, of ${event.who}"),
        ActionStep("b", "there.again", with_={"text": "${steps.a.output.id}"}),
        outputs={"id": "${steps.b.output.id}"},
        event={"who": "ann"},
        inputs={"n": 7},
        stubs={"a": {"id": "A-1"}},
    )
    assert [each.input for each in trace.steps] == [{"text": "n is 7, of ann"}, {"text": "A-1"}]
    assert [each.output for each in trace.steps] == [{"id": "A-1"}, {"id": "text"}]
    assert (trace.status, trace.outputs, trace.failure) == ("succeeded", {"id": "text"}, None)


def test_branches_conditions_and_what_is_not_reached() -> None:
    branches = (Branch((here("x"),), "inputs.n > `5`"), Branch((here("y"),)))
    trace = tried(here("a", when="inputs.n > `5`"), ChoiceStep("c", branches))
    assert reached(trace) == {"a": "skipped", "c": "branch 2", "y": "succeeded"}
    assert trace.not_reached == ("x",)


def test_iterations_see_their_item() -> None:
    trace = tried(ForEachStep("f", "inputs.list", (here("a", "${index}: ${item}"),)))
    assert {each.at: each.input["text"] for each in trace.steps if each.step == "a"} == {
        "f[0]": "0: a",
        "f[1]": "1: b",
    }


def test_time_is_of_waits_and_approvals() -> None:
    trace = tried(
        WaitStep("w", seconds=60),
        ApprovalStep("p", "n is ${inputs.n}", expires=600, on_expiry=(here("late"),)),
        here("a"),
        stubs={"p": "expired"},
    )
    assert [(each.step, each.seconds) for each in trace.steps] == [
        ("w", 0),
        ("p", 60),
        ("late", 660),
        ("a", 660),
    ]
    assert reached(trace)["p"] == "expired"
    assert trace.status == "succeeded"


def test_a_failure_leads_where_it_would() -> None:
    failing = {"error": {"code": "NO_MONEY", "message": "there is none"}}
    trace = tried(
        ParallelStep("p", (Branch((here("a"),)), Branch((here("b"),)))),
        here("c"),
        on_failure=(here("z", "${error.code} in ${error.step}"),),
        stubs={"b": failing},
    )
    assert trace.status == "failed"
    assert trace.failure is not None
    assert (trace.failure.code, trace.failure.step) == ("NO_MONEY", "b")
    assert trace.steps[-1].input == {"text": "NO_MONEY in b"}
    assert trace.not_reached == ("c",)
    assert reached(trace)["p"] == "failed"


def test_a_handled_failure_is_not_the_runs() -> None:
    step = here("a", on_failure=(here("b", "${error.message}"),))
    trace = tried(step, here("c"), stubs={"a": {"error": {"code": "NO", "message": "never"}}})
    assert (trace.status, trace.failure) == ("succeeded", None)
    assert trace.steps[1].input == {"text": "never"}


@pytest.mark.parametrize(
    ("step", "code"),
    [
        (ActionStep("a", "here.again", with_={"txt": "x"}), "ACTION_INPUT_INVALID"),
        (here("a", "${length(inputs.n)}"), "EXPRESSION_TYPE"),
        (ForEachStep("a", "inputs.n", (here("b"),)), "ITEMS_INVALID"),
        (ForEachStep("a", "inputs.list", (here("b"),), max_items=1), "TOO_MANY_ITEMS"),
        (WaitStep("a", until="inputs.n"), "WAIT_UNTIL_INVALID"),
    ],
)
def test_what_cannot_be_fails_as_it_would(step: Step, code: str) -> None:
    trace = tried(step)
    assert trace.failure is not None
    assert trace.failure.code == code


def test_a_rejection_fails_the_run() -> None:
    trace = tried(ApprovalStep("p", "?"), stubs={"p": "rejected"})
    assert trace.failure is not None
    assert trace.failure.code == "APPROVAL_REJECTED"


def test_a_stub_of_nothing_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(Unprocessable, match="did you mean 'send'"):
        tried(here("send"), stubs={"sent": {}})


@given(definitions())
@settings(max_examples=100)
def test_any_definition_can_be_tried(definition: Definition) -> None:
    trace = dry_run(definition, actions=ACTIONS)
    assert trace.status in ("succeeded", "failed", "timed_out")
    reached = {each.step for each in trace.steps}
    assert reached <= {each.id for each in definition.every_step()}
    assert not reached & set(trace.not_reached)


def test_wrong_inputs_are_refused() -> None:
    with pytest.raises(Unprocessable) as refused:
        tried(here("a"), inputs={"n": "many", "m": 1})
    assert refused.value.code == "INPUTS_INVALID"
    assert sorted(each["field"] for each in refused.value.errors) == ["inputs.m", "inputs.n"]


@pytest.mark.parametrize("text", templates().values(), ids=templates())
def test_every_template_can_be_tried(text: str) -> None:
    """With made-up inputs it may fail at one of its steps, as it would with such inputs."""
    definition = parse(text)
    inputs = {name: sample(each) for name, each in definition.inputs.items() if each.required}
    trace = dry_run(definition, inputs)
    assert trace.steps
    assert trace.failure is None or trace.failure.code == "EXPRESSION_TYPE"


def test_set_gives_its_input() -> None:
    steps = "steps: [{id: a, action: set, with: {x: 1}}]"
    definition = parse(f"id: sets\ntitle: S\n{steps}\noutputs: {{x: '${{steps.a.output.x}}'}}\n")
    assert dry_run(definition).outputs == {"x": 1}


@given(definitions(most=5), st.sampled_from((0, 1, 7)))
@settings(max_examples=60)
def test_a_dry_run_comes_to_what_a_run_comes_to(definition: Definition, n: int) -> None:
    """Where every action succeeds and nobody decides."""
    inputs = {"n": n, "list": ["a", "b"]}
    people = {each.id: "expired" for each in definition.every_step() if isinstance(each, ApprovalStep)}
    trace = dry_run(definition, inputs, None, people, actions=ACTIONS)
    world = World(ACTIONS)
    run = world.start(world.publish(definition), inputs=inputs)
    world.run_to_end(finished)
    row = world.run(run)
    if trace.status == "timed_out":
        assert world.executions.status("", run) == "TIMED_OUT"
        return
    assert row.status.value == trace.status
    there = None if row.failure is None else (row.failure.code, row.failure.step)
    assert there == (None if trace.failure is None else (trace.failure.code, trace.failure.step))
    if trace.failure is None:
        done = {(each.at, each.step) for each in world.journal.every(ACME, run)}
        asked = {(each.at, each.step) for each in trace.steps}
        assert done == asked
