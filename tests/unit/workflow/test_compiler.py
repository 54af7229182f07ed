"""What every compiled machine has, whatever the definition is; and where a failure leads."""

import json
from collections.abc import Iterator, Mapping
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.workflow.domain.asl_walker import Call, Fault, Status, Walker
from services.workflow.domain.compiler import Asl, compile, state_names
from services.workflow.domain.definition import (
    ActionStep,
    ApprovalStep,
    Branch,
    ChoiceStep,
    Definition,
    ForEachStep,
    ParallelStep,
    Retry,
    Step,
    WaitStep,
)
from services.workflow.domain.history_estimate import history_events, transitions
from services.workflow.domain.parsing import parse
from services.workflow.domain.registry import Registry
from services.workflow.domain.templates import templates
from shared.errors import Unprocessable
from tests.fakes.asl_validator import findings
from tests.fakes.workflow_definitions import ACTIONS, definitions
from tests.fakes.workflow_replies import AnyReplies

ARN = "arn:aws:lambda:us-east-1:000000000000:function:onyx-dev-dispatcher"
INPUT = {"run": "r-1", "mode": "run", "at": ""}


def compiled(definition: Definition, **more: Any) -> Asl:
    given = {"tenant": "acme", "version": 3, "dispatcher_arn": ARN, "actions": ACTIONS}
    return compile(definition, **{**given, **more})


def workflow(*steps: Step, on_failure: tuple[Step, ...] = ()) -> Definition:
    return Definition("w", "W", steps, on_failure=on_failure)


def here(id: str, **more: Any) -> ActionStep:
    return ActionStep(id, "here.again", **more)


def there(id: str, **more: Any) -> ActionStep:
    return ActionStep(id, "there.again", **more)


def states(machine: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, state in machine["States"].items():
        yield name, state
        for inner in state.get("Branches", []):
            yield from states(inner)
        if "ItemProcessor" in state:
            yield from states(state["ItemProcessor"])


@given(definitions())
def test_every_machine_keeps_the_rules(definition: Definition) -> None:
    asl = compiled(definition)
    machine = asl.machine
    names = list(state_names(machine))
    assert len(names) == len(set(names))
    assert max(map(len, names)) <= 80
    assert machine["TimeoutSeconds"] == definition.timeout
    assert machine["Version"] == "1.0"
    assert "tenant=acme workflow=any-workflow version=3" in machine["Comment"]
    for _, state in states(machine):
        if state["Type"] in ("Task", "Parallel", "Map"):
            assert any(each["ErrorEquals"] == ["States.ALL"] for each in state["Catch"])
        if state["Type"] == "Task":
            assert state["TimeoutSeconds"] > state.get("HeartbeatSeconds", 0)
            assert state["Parameters"]["FunctionName"] == ARN
            payload = state["Parameters"]["Payload"]
            assert (payload["tenant"], payload["workflow"], payload["version"]) == ("acme", "any-workflow", 3)
            retrier = state["Retry"][-1]
            assert 0 < retrier["MaxAttempts"] <= 6
            assert retrier["BackoffRate"] > 1
            assert retrier["MaxDelaySeconds"] <= 30
            assert retrier["JitterStrategy"] == "FULL"
        if state["Type"] == "Map":
            assert state["MaxConcurrency"] >= 1


@given(definitions())
def test_the_same_definition_gives_the_same_bytes(definition: Definition) -> None:
    asl = compiled(definition)
    assert compiled(definition).text == asl.text
    assert json.loads(asl.text) == asl.machine
    assert len(asl.text) < 1_000_000


@given(definitions(), st.integers(0, 2**32), st.booleans())
@settings(max_examples=300)
def test_every_run_ends_and_passes_end_once(definition: Definition, seed: int, cleanup: bool) -> None:
    """Whatever the dispatcher answers, whatever breaks, and in whatever order."""
    replies = AnyReplies(Random(seed))
    mode = "cleanup" if cleanup else "run"
    walker = Walker(
        compiled(definition).machine,
        replies,
        name="r-1",
        input={**INPUT, "mode": mode},
        fault=replies.fault,
        pick=replies.pick,
    )
    replies.walker = walker
    while walker.advance():
        pass
    assert walker.status is not Status.RUNNING
    visited = [each.state for each in walker.visits]
    assert visited.count("Failure") <= 1
    if walker.status is Status.SUCCEEDED:
        assert visited.count("End") == 1
        assert visited[-1] == "End"
    elif walker.status is Status.FAILED:
        assert visited[-2:] == ["End", "Lost"]
        assert walker.error is not None
        assert walker.error.name == "Onyx.EndFailed"
    else:
        assert walker.status is Status.TIMED_OUT
    if cleanup:
        assert "Begin" not in visited
    on_failure = {f"s{each.id[1:]}" for each in definition.on_failure}
    if "Failure" not in visited:
        assert not on_failure & set(visited)


@given(definitions(most=5), st.integers(0, 2**32))
@settings(max_examples=200)
def test_no_run_is_longer_than_the_estimate(definition: Definition, seed: int) -> None:
    """Where no call breaks more than once each time that its state is entered."""
    asl = compiled(definition)
    random = Random(seed)
    replies = AnyReplies(random, faulty=False)

    def fault(call: Call) -> Fault:
        return random.choice((Fault.NONE, Fault.LOST, Fault.CRASHED)) if call.attempt == 1 else Fault.NONE

    walker = Walker(asl.machine, replies, name="r-1", input=INPUT, pick=replies.pick, fault=fault)
    replies.walker = walker
    replies._reply = _within(replies._reply, definition)  # type: ignore[method-assign]
    while walker.advance():
        pass
    assert walker.events <= history_events(definition, asl.machine)
    counted = transitions(definition, asl.machine)
    assert walker.transitions <= counted.worst
    assert counted.typical <= counted.worst


def _within(reply: Any, definition: Definition) -> Any:
    """As many retries and items as the definition allows."""
    asked: dict[tuple[str, str], int] = {}

    def bounded(call: Any) -> Mapping[str, Any]:
        given = dict(reply(call))
        step = call.payload.get("step")
        place = (step, call.payload["at"])
        if given["outcome"] == "retry":
            asked[place] = asked.get(place, 0) + 1
            attempts = getattr(definition.step(step), "retry", Retry(attempts=1)).attempts
            if asked[place] > attempts - 1:
                given["outcome"] = "failed"
        if step and isinstance(found := definition.step(step), ForEachStep):
            given["items"] = given["items"][: found.max_items]
        return given

    return bounded


def test_templates_and_many_definitions_validate() -> None:
    """In one Node process, for its start is slow."""
    known = {each.name: each for each in Registry.load()}
    texts = [compiled(parse(text), actions=known).text for text in templates().values()]

    @settings(max_examples=150, database=None)
    @given(definitions())
    def collect(definition: Definition) -> None:
        texts.append(compiled(definition).text)

    collect()
    wrong = [found for found in findings(texts) if found]
    assert not wrong
    assert findings(['{"StartAt":"A","States":{"B":{"Type":"Succeed"}}}'])[0]


def walked(definition: Definition, **outcomes: str) -> list[str]:
    """The states entered where a step's answer is as given by its id (else ok)."""

    def dispatch(call: Any) -> Mapping[str, Any]:
        outcome = outcomes.get(call.payload.get("step", call.payload["op"]), "ok")
        if call.payload["op"] in ("caught", "failed"):
            outcome = "ok"
        branch = int(outcome) if outcome.isdigit() else -1
        reply = {
            "outcome": "ok" if outcome.isdigit() else outcome,
            "delay": 1,
            "branch": branch,
            "items": ["0", "1"],
            "until": "2026-01-01T00:00:05Z",
        }
        if call.token and outcome != "silent":
            walker.succeed(call.token, reply)
        return reply

    walker = Walker(compiled(definition).machine, dispatch, name="r-1", input=INPUT)
    walker.run()
    assert walker.status is Status.SUCCEEDED
    return [each.state for each in walker.visits if "?" not in each.state]


BEFORE, AFTER = ["Start", "Begin"], ["End"]


@pytest.mark.parametrize(
    ("definition", "outcomes", "way"),
    [
        (workflow(here("a"), there("b")), {}, ["a", "b"]),
        (workflow(here("a"), there("b")), {"a": "skipped", "b": "skipped"}, ["a", "b"]),
        (workflow(here("a"), there("b")), {"a": "failed"}, ["a", "Failure"]),
        (workflow(here("a"), there("b")), {"a": "stop"}, ["a"]),
        (workflow(here("a"), on_failure=(here("z"),)), {"a": "failed"}, ["a", "Failure", "z"]),
        (workflow(here("a"), on_failure=(here("z"),)), {"a": "failed", "z": "failed"}, ["a", "Failure", "z"]),
        (
            workflow(here("a", on_failure=(here("b"),)), here("c")),
            {"a": "failed"},
            ["a", "a.caught", "b", "c"],
        ),
        (
            workflow(here("a", on_failure=(here("b"),)), here("c")),
            {"a": "failed", "b": "failed"},
            ["a", "a.caught", "b", "Failure"],
        ),
        (workflow(ApprovalStep("p", "?"), here("a")), {"p": "expired"}, ["p", "Failure"]),
        (
            workflow(ApprovalStep("p", "?", on_expiry=(here("x"),)), here("a")),
            {"p": "expired"},
            ["p", "x", "a"],
        ),
        (workflow(there("a"), here("b")), {"a": "silent"}, ["a", "a.expired", "Failure"]),
        (workflow(WaitStep("w", seconds=5), here("a")), {}, ["w", "w.body", "a"]),
        (workflow(WaitStep("w", seconds=5), here("a")), {"w": "skipped"}, ["w", "a"]),
        (
            workflow(ChoiceStep("c", (Branch((here("x"),), "a"), Branch((here("y"),)))), here("a")),
            {"c": "1"},
            ["c", "y", "a"],
        ),
        (workflow(ChoiceStep("c", (Branch((here("x"),), "a"),)), here("a")), {}, ["c", "a"]),
        (
            workflow(ParallelStep("p", (Branch((here("x"),)), Branch((here("y"),)))), here("a")),
            {},
            ["p", "x", "y", "p.done0", "p.done1", "a"],
        ),
        (
            workflow(ParallelStep("p", (Branch((here("x"),)), Branch((there("y"),))), when="x"), here("a")),
            {"x": "failed", "y": "silent"},
            ["p", "p.body", "x", "y", "p.broken0", "p.failed", "Failure"],
        ),
        (
            workflow(ForEachStep("f", "items", (here("x"),), concurrency=1), here("a")),
            {},
            ["f", "f.body", "x", "f.done0", "x", "f.done0", "a"],
        ),
        (
            workflow(ForEachStep("f", "items", (here("x", on_failure=(here("y"),)),), concurrency=1)),
            {"x": "failed", "y": "failed"},
            ["f", "f.body", "x", "x.caught", "y", "f.broken0", "f.failed", "Failure"],
        ),
    ],
)
def test_ways(definition: Definition, outcomes: Mapping[str, str], way: list[str]) -> None:
    assert walked(definition, **outcomes) == [*BEFORE, *way, *AFTER]


def test_iterations_know_their_place() -> None:
    inner = ForEachStep("inner", "items", (here("x"),), max_items=9, concurrency=1)
    definition = workflow(ForEachStep("outer", "items", (inner,), max_items=9, concurrency=1))

    def dispatch(call: Any) -> Mapping[str, Any]:
        return {"outcome": "ok", "delay": 0, "items": ["0", "1"]}

    walker = Walker(compiled(definition).machine, dispatch, name="r-1", input=INPUT).run()
    assert [call.payload["at"] for call in walker.calls if call.state == "x"] == [
        "outer[0]/inner[0]",
        "outer[0]/inner[1]",
        "outer[1]/inner[0]",
        "outer[1]/inner[1]",
    ]


def test_a_workflow_that_may_write_too_long_a_history_is_refused() -> None:
    inner = ForEachStep("inner", "items", (here("x"),), max_items=50)
    definition = workflow(here("a"), ForEachStep("outer", "items", (inner,), max_items=50))
    with pytest.raises(Unprocessable) as refused:
        compiled(definition)
    assert refused.value.code == "WORKFLOW_TOO_LONG"
    assert "outer > inner > x" in refused.value.detail


def test_a_workflow_of_more_bytes_than_step_functions_takes_is_refused() -> None:
    with pytest.raises(Unprocessable) as refused:
        compiled(workflow(*(here(f"a{number}", retry=Retry(attempts=1)) for number in range(700))))
    assert refused.value.code == "WORKFLOW_TOO_LARGE"


def test_too_long_an_id_is_refused_by_its_name() -> None:
    with pytest.raises(Unprocessable) as refused:
        compiled(workflow(here("a" * 78)))
    assert refused.value.code == "STEP_NAME_TOO_LONG"
