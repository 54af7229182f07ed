"""What is recorded: together, every kind of step, and every way in which one ends."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from services.workflow.domain.asl_walker import Call, Fault
from services.workflow.domain.run import ApprovalStatus
from services.workflow.domain.runtime_ports import ActionCall
from shared.actions import ActionFinished, ActionRequested
from tests.fakes.workflow_runtime import finished
from tests.replay.recorder import Effect, Recorder

Provider = Callable[[ActionRequested], ActionFinished | None]


def done(call: ActionCall) -> Effect:
    return {"output": {"id": f"done-{call.attempt}"}}


def no_people(recorder: Recorder, run: str) -> None:
    """Nobody does anything."""


@dataclass(frozen=True)
class Scenario:
    """`people` may have things done later (`at`)."""

    definition: str
    inputs: Mapping[str, Any] = field(default_factory=dict)
    event: Mapping[str, Any] | None = None
    effects_of: Callable[[ActionCall], Effect] = done
    provider: Provider = finished
    faults: Mapping[tuple[str, int], Fault] = field(default_factory=dict)
    """By state and attempt."""
    people: Callable[[Recorder, str], None] = no_people

    def fault(self, call: Call) -> Fault:
        return self.faults.get((call.state, call.attempt), Fault.NONE)


def at(recorder: Recorder, run: str, seconds: float, act: Callable[[], None]) -> None:
    recorder.executions.walkers[run].later(seconds, act)


def decisions(*made: tuple[float, str, bool]) -> Callable[[Recorder, str], None]:
    """So many seconds after the start, somebody decides the open approval."""

    def people(recorder: Recorder, run: str) -> None:
        for seconds, who, approve in made:
            at(recorder, run, seconds, lambda who=who, approve=approve: decide(recorder, who, approve))

    return people


def decide(recorder: Recorder, who: str, approve: bool) -> None:
    recorder.clock.reach(max(each.now for each in recorder.executions.walkers.values()))
    rows = recorder.approvals.rows.values()
    (open_,) = [each.id for each in rows if each.status is ApprovalStatus.OPEN]
    recorder.decide(open_, who, approve)


def cancelled(seconds: float) -> Callable[[Recorder, str], None]:
    def people(recorder: Recorder, run: str) -> None:
        def cancel() -> None:
            recorder.clock.reach(recorder.executions.walkers[run].now)
            recorder.stop_run(run, "cleo")

        at(recorder, run, seconds, cancel)

    return people


def resolved(seconds: float, step: str) -> Callable[[Recorder, str], None]:
    def people(recorder: Recorder, run: str) -> None:
        def resolve() -> None:
            recorder.clock.reach(recorder.executions.walkers[run].now)
            recorder.resolve_step(run, step, "cleo", {"id": "found"})

        at(recorder, run, seconds, resolve)

    return people


def unknown(call: ActionCall) -> Effect:
    return {"error": {"code": "LOST", "message": "no answer", "unknown": True}}


def fails(*attempts: int, retryable: bool = True, of: str = "") -> Callable[[ActionCall], Effect]:
    """Inline actions whose text is `of` (empty: all) fail in these attempts."""

    def effect(call: ActionCall) -> Effect:
        if call.attempt in attempts and of in ("", call.input.get("text")):
            return {"error": {"code": "BUSY", "message": "it is busy", "retryable": retryable}}
        return done(call)

    return effect


def provider_fails(*attempts: int, retryable: bool = True) -> Provider:
    def answer(event: ActionRequested) -> ActionFinished | None:
        if event.attempt in attempts:
            return finished(
                event, succeeded=False, output=None, error_code="NO", error="not now", retryable=retryable
            )
        return finished(event)

    return answer


def provider_hangs(*attempts: int) -> Provider:
    return lambda event: None if event.attempt in attempts else finished(event)


SCENARIOS: Mapping[str, Scenario] = {
    "series": Scenario(
        """
id: series
title: One after the other
inputs: {n: {type: integer, default: 2}}
steps:
  - {id: first, action: here.again, with: {text: "${event.data.who} wants ${inputs.n}"}}
  - {id: second, action: there.again, with: {text: "${steps.first.output.id}"}}
  - {id: never, action: here.once, when: inputs.n > `5`}
outputs: {first: "${steps.first.output.id}", second: "${steps.second.output.id}"}
""",
        inputs={"n": 3},
        event={"id": "1", "data": {"who": "ann"}},
    ),
    "choices_and_waits": Scenario(
        """
id: choices-and-waits
title: Choices and waits
inputs: {n: {type: integer, default: 2}}
steps:
  - {id: pause, wait: 10m}
  - {id: later, wait_until: "date_add(run.started_at, '1h')"}
  - id: which
    choice:
      - {when: inputs.n > `5`, steps: [{id: large, action: here.again, with: {text: large}}]}
      - {when: inputs.n > `1`, steps: [{id: middle, action: here.again, with: {text: middle}}]}
    otherwise: [{id: small, action: here.again, with: {text: small}}]
  - {id: after, action: here.again, with: {text: after}}
""",
        inputs={"n": 2},
    ),
    "loops_and_branches": Scenario(
        """
id: loops-and-branches
title: Loops within branches
inputs: {list: {type: list, default: [a, b, c]}}
steps:
  - id: both
    parallel:
      - steps:
          - id: each
            for_each: inputs.list
            max_items: 5
            concurrency: 2
            steps:
              - {id: tell, action: there.search, with: {text: "${index}: ${item}"}}
              - id: inner
                for_each: "`[1, 2]`"
                max_items: 2
                steps: [{id: mark, action: here.again, with: {text: "${item} of ${steps.tell.output.id}"}}]
      - steps: [{id: beside, action: here.search, with: {text: beside}}, {id: rest, wait: 5s}]
""",
        inputs={"list": ["a", "b", "c"]},
    ),
    "retries": Scenario(
        """
id: retries
title: Retries
steps:
  - {id: here, action: here.again, with: {text: x}, retry: {attempts: 3, delay: 10s, backoff: 3}}
  - {id: there, action: there.again, with: {text: y}, retry: {attempts: 2, delay: 5s, jitter: none}}
""",
        effects_of=fails(1, 2),
        provider=provider_fails(1),
    ),
    "a_provider_that_hangs": Scenario(
        """
id: a-provider-that-hangs
title: A provider that hangs
steps:
  - {id: there, action: there.again, with: {text: y}, timeout: 1m, retry: {attempts: 2, delay: 5s}}
  - {id: once, action: there.again, with: {text: z}, timeout: 1m}
""",
        provider=provider_hangs(1),
    ),
    "failure_handled": Scenario(
        """
id: failure-handled
title: A failure that its step handles
steps:
  - id: risky
    action: here.once
    with: {text: risky}
    on_failure:
      - {id: excuse, action: here.again, with: {text: "${error.code}: ${error.message}"}}
  - {id: after, action: here.again, with: {text: after}}
""",
        effects_of=fails(1, retryable=False, of="risky"),
    ),
    "failure_of_the_run": Scenario(
        """
id: failure-of-the-run
title: A failure that ends the run
steps:
  - {id: good, action: here.again, with: {text: good}}
  - {id: bad, action: there.once, with: {text: bad}}
  - {id: never, action: here.again, with: {text: never}}
on_failure:
  - {id: tell, action: here.again, with: {text: "${error.code} in ${error.step}"}}
""",
        provider=provider_fails(1, retryable=False),
    ),
    "failure_in_a_branch": Scenario(
        """
id: failure-in-a-branch
title: A failure beside an approval and inside a loop
steps:
  - id: both
    parallel:
      - steps: [{id: sign, approval: {message: Shall we?, expires: 1d}}]
      - steps:
          - id: each
            for_each: "`[1, 2, 3]`"
            max_items: 3
            concurrency: 1
            steps: [{id: part, action: here.again, with: {text: "part ${index}"}}]
on_failure:
  - {id: tell, action: here.again, with: {text: "${error.step}"}}
""",
        effects_of=fails(1, retryable=False, of="part 1"),
    ),
    "approved_by_two": Scenario(
        """
id: approved-by-two
title: Two people
steps:
  - {id: sign, approval: {message: Shall we?, count: 2, expires: 1d}}
  - {id: go, action: here.again, with: {text: "${steps.sign.output.status}"}}
""",
        people=decisions((60, "bob", True), (120, "dan", True)),
    ),
    "rejected": Scenario(
        """
id: rejected
title: Somebody says no
steps:
  - {id: sign, approval: {message: Shall we?, count: 2, expires: 1d}}
  - {id: go, action: here.again, with: {text: go}}
on_failure:
  - {id: tell, action: here.again, with: {text: "${error.code}"}}
""",
        people=decisions((60, "bob", True), (120, "dan", False)),
    ),
    "expired": Scenario(
        """
id: expired
title: Nobody decides, twice
steps:
  - id: sign
    approval:
      message: Shall we?
      expires: 10m
      on_expiry: [{id: late, action: here.again, with: {text: "${error.code}"}}]
  - {id: again, approval: {message: And now?, expires: 10m}}
"""
    ),
    "cancelled": Scenario(
        """
id: cancelled
title: Cancelled while it waits
steps:
  - {id: first, action: here.again, with: {text: first}}
  - {id: sign, approval: {message: Shall we?, expires: 1d}}
  - {id: never, action: here.again, with: {text: never}}
on_failure:
  - {id: undo, action: there.again, with: {text: undo}}
""",
        people=cancelled(30),
    ),
    "resolved": Scenario(
        """
id: resolved
title: Nobody knows, until somebody tells
steps:
  - {id: once, action: here.once, with: {text: once}}
outputs: {id: "${steps.once.output.id}"}
""",
        effects_of=unknown,
        people=resolved(107, "once"),
    ),
    "broken_calls": Scenario(
        """
id: broken-calls
title: Calls that break
steps:
  - {id: lost, action: here.again, with: {text: lost}}
  - {id: crashed, action: here.search, with: {text: crashed}}
  - {id: twice, action: here.once, with: {text: twice}}
  - {id: late, action: there.again, with: {text: late}}
  - {id: slow, action: here.again, with: {text: slow}}
  - {id: gone, action: here.again, with: {text: gone}}
on_failure:
  - {id: tell, action: here.again, with: {text: "${error.code}"}}
""",
        faults={
            ("lost", 1): Fault.LOST,
            ("crashed", 1): Fault.CRASHED,
            ("twice", 1): Fault.TWICE,
            ("late", 1): Fault.CRASHED,
            ("slow", 1): Fault.LATE,
            ("End", 1): Fault.CRASHED,
            **{("gone", attempt): Fault.LOST for attempt in range(1, 5)},
        },
    ),
}
