"""The walker keeps to what Step Functions does: retries, timeouts, heartbeats, branches, stopping."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest

from services.workflow.domain.asl_walker import EPOCH, Call, Fault, Status, Walker
from services.workflow.domain.compiler import compile
from services.workflow.domain.definition import (
    ActionStep,
    ApprovalStep,
    Branch,
    Definition,
    ForEachStep,
    ParallelStep,
    Step,
    WaitStep,
)
from tests.fakes.workflow_definitions import ACTIONS

OK = {"outcome": "ok", "delay": 0, "branch": -1, "items": [], "until": None, "code": ""}
Dispatch = Callable[[Call], Mapping[str, Any]]


def walk(*steps: Step, dispatch: Dispatch = lambda call: OK, timeout: int = 3600, **more: Any) -> Walker:
    asl = compile(
        Definition("w", "W", steps, timeout=timeout),
        tenant="acme",
        version=1,
        dispatcher_arn="arn:aws:lambda:us-east-1:000000000000:function:dispatcher",
        actions=ACTIONS,
    )
    return Walker(asl.machine, dispatch, name="r-1", input={"run": "r-1", "mode": "run", "at": ""}, **more)


def here(id: str) -> ActionStep:
    return ActionStep(id, "here.again")


def seconds(walker: Walker) -> float:
    return (walker.now - EPOCH) / timedelta(seconds=1)


def states(walker: Walker) -> list[str]:
    return [each.state for each in walker.visits]


def test_a_call_says_what_the_contract_says() -> None:
    walker = walk(here("a")).run()
    assert walker.calls[1].payload == {
        "op": "step",
        "tenant": "acme",
        "workflow": "w",
        "version": 1,
        "step": "a",
        "run": "r-1",
        "execution": "r-1",
        "mode": "run",
        "at": "",
    }


def test_a_broken_call_comes_again_later_each_time_and_then_is_noted() -> None:
    walker = walk(here("a"), fault=lambda call: Fault.CRASHED if call.state == "a" else Fault.NONE).run()
    assert [call.attempt for call in walker.calls if call.state == "a"] == [1, 2, 3, 4]
    assert seconds(walker) == 2 + 4 + 8
    note = next(call for call in walker.calls if call.state == "a.failed")
    assert note.payload["error"] == {"Error": "Lambda.Unknown", "Cause": ""}


def test_what_the_function_raises_is_a_crash_that_a_test_can_see() -> None:
    def broken(call: Call) -> Mapping[str, Any]:
        if call.state == "a":
            raise ZeroDivisionError
        return OK

    walker = walk(here("a"), dispatch=broken).run()
    assert len(walker.crashes) == 4
    assert "Failure" in states(walker)


@pytest.mark.parametrize(
    ("fault", "calls", "took"),
    [(Fault.LOST, 1, 2), (Fault.CRASHED, 2, 2), (Fault.TWICE, 2, 0), (Fault.LATE, 2, 92)],
)
def test_faults(fault: Fault, calls: int, took: int) -> None:
    """How often the dispatcher is really called, and how long it takes."""
    done = []

    def dispatch(call: Call) -> Mapping[str, Any]:
        done.append(call.state)
        return OK

    once = iter([fault])
    walker = walk(
        here("a"),
        dispatch=dispatch,
        fault=lambda call: next(once, Fault.NONE) if call.state == "a" else Fault.NONE,
    ).run()
    assert done.count("a") == calls
    assert seconds(walker) == took


def test_a_token_is_answered_once() -> None:
    walker = walk(ApprovalStep("p", "?"))
    walker.run(until=lambda: any(call.token for call in walker.calls))
    token = walker.calls[-1].token
    assert token is not None
    assert walker.succeed(token, OK)
    assert not walker.succeed(token, OK)
    assert walker.run().status is Status.SUCCEEDED
    assert not walker.succeed(token, OK)


def test_a_token_times_out_and_every_call_has_a_new_one() -> None:
    faults = iter([Fault.LOST])
    walker = walk(
        ApprovalStep("p", "?", expires=100),
        fault=lambda call: next(faults, Fault.NONE) if call.token else Fault.NONE,
        dispatch=lambda call: {**OK, "outcome": "expired"} if call.state == "p.expired" else OK,
    ).run()
    assert [call.token for call in walker.calls if call.token] == ["r-1/token-1", "r-1/token-2"]
    assert seconds(walker) == 102
    assert "Failure" in states(walker)
    assert not walker.succeed("r-1/token-1", OK)


def test_silence_is_a_timeout_and_a_heartbeat_breaks_it() -> None:
    walker = walk(ActionStep("a", "there.again", timeout=100, heartbeat=10))
    walker.later(8, lambda: assert_(walker.heartbeat("r-1/token-1")))
    walker.run(until=lambda: "a.expired" in states(walker))
    assert seconds(walker) == 18


def assert_(value: bool) -> None:
    assert value


def test_waiting_until_a_moment_and_not_for_one_that_was() -> None:
    until = {**OK, "until": "2026-01-01T00:10:00Z"}
    walker = walk(WaitStep("w", until="x"), WaitStep("v", until="x"), dispatch=lambda call: until).run()
    assert seconds(walker) == 600


def test_a_run_has_an_end() -> None:
    walker = walk(
        here("a"),
        dispatch=lambda call: OK if call.state == "Begin" else {**OK, "outcome": "retry", "delay": 60},
        timeout=600,
    ).run()
    assert walker.status is Status.TIMED_OUT
    assert seconds(walker) == 600


def test_stopping_enters_no_further_state() -> None:
    walker = walk(ParallelStep("p", (Branch((WaitStep("w", seconds=5),)), Branch((here("a"),)))))
    walker.run(until=lambda: "w" in states(walker))
    walker.stop()
    visited = states(walker)
    assert not walker.advance()
    assert states(walker) == visited
    assert walker.status is Status.ABORTED


def test_the_first_branch_that_fails_ends_the_others() -> None:
    walker = walk(
        ParallelStep("p", (Branch((ApprovalStep("q", "?"),)), Branch((here("a"), here("b"))))),
        dispatch=lambda call: {**OK, "outcome": "failed"} if call.state == "b" else OK,
    ).run()
    assert seconds(walker) == 0
    note = next(call for call in walker.calls if call.state == "p.failed")
    assert note.payload["error"]["Error"] == "Onyx.BranchFailed"


@pytest.mark.parametrize("concurrency", [1, 2, 5])
def test_iterations_at_once(concurrency: int) -> None:
    going, most = set[str](), 0

    def dispatch(call: Call) -> Mapping[str, Any]:
        nonlocal most
        if call.state == "a":
            going.add(call.payload["at"])
            most = max(most, len(going))
            walker.later(5, lambda: (going.discard(call.payload["at"]), walker.succeed(str(call.token), OK)))
        return {**OK, "items": ["0", "1", "2", "3", "4"]}

    loop = ForEachStep("f", "x", (ActionStep("a", "there.again"),), max_items=5, concurrency=concurrency)
    walker = walk(loop, dispatch=dispatch)
    assert walker.run().status is Status.SUCCEEDED
    assert most == concurrency


def test_the_order_of_branches_is_the_tests_to_choose() -> None:
    branches = ParallelStep("p", (Branch((here("a"),)), Branch((here("b"),))))

    def order(pick: Callable[[int], int]) -> list[str]:
        return [call.state for call in walk(branches, pick=pick).run().calls if call.state in "ab"]

    assert order(lambda count: 0) == ["a", "b"]
    assert order(lambda count: count - 1) == ["b", "a"]


def test_transitions_and_events_of_the_shortest_run() -> None:
    """Start, Begin, Begin?, a, a?, End: six states; three tasks of three events; and the two of the run."""
    walker = walk(here("a")).run()
    assert walker.transitions == 6
    assert walker.events == 2 + 6 * 2 + 3 * 3
