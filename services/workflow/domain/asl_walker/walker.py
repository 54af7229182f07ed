"""The execution itself: states, retries and catchers.

https://states-language.net/spec.html,
https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html.
"""

import json
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from services.workflow.domain.asl_walker import events
from services.workflow.domain.asl_walker.paths import StatesError, fill, put, resolve
from services.workflow.domain.asl_walker.rules import again, catch, choose
from services.workflow.domain.asl_walker.strands import Strands, Wish
from services.workflow.domain.asl_walker.tokens import Tokens

State = Mapping[str, Any]
Data = Mapping[str, Any]
Moved = Generator[Wish, Any, tuple[Data, str | None]]

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


class Fault(StrEnum):
    """What becomes of one call of the dispatcher."""

    NONE = "none"
    LOST = "lost"
    """It never arrives: throttled, or the function dies before it does anything."""
    CRASHED = "crashed"
    """It is done and the answer is lost: the function dies at its end."""
    TWICE = "twice"
    """It is delivered twice; the second answer counts."""
    LATE = "late"
    """It is done, and the answer comes after the state's timeout."""


class Status(StrEnum):
    """Of an execution, by Step Functions' names."""

    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    TIMED_OUT = "TIMED_OUT"
    ABORTED = "ABORTED"


@dataclass(frozen=True)
class Call:
    """One call of the dispatcher; `payload` is a `dispatch.Request`. `attempt` counts from 1 for each time
    that the state is entered. `token`, where the state waits for one, is what `Walker.succeed` takes."""

    state: str
    attempt: int
    payload: Mapping[str, Any]
    token: str | None


@dataclass(frozen=True)
class Visit:
    """A state was entered."""

    state: str
    data: Data
    when: datetime


Dispatch = Callable[[Call], Mapping[str, Any]]
"""Gives a `dispatch.Reply` as JSON (with a token it does not count). What it raises is a crash of the
function."""


class Walker:
    """One execution of `machine`.

    `calls` are all calls in order, `visits` all states that were entered, `crashes` what `dispatch` raised;
    `events` and `transitions` are what Step Functions counts (at most) and bills. `error` is why it FAILED.
    """

    def __init__(
        self,
        machine: State,
        dispatch: Dispatch,
        *,
        name: str,
        input: Data,
        now: datetime = EPOCH,
        fault: Callable[[Call], Fault] = lambda call: Fault.NONE,
        pick: Callable[[int], int] = lambda count: 0,
        jitter: Callable[[float], float] = lambda seconds: seconds,
    ) -> None:
        self.status = Status.RUNNING
        self.error: StatesError | None = None
        self.calls: list[Call] = []
        self.visits: list[Visit] = []
        self.crashes: list[Exception] = []
        self.events, self.transitions = events.EXECUTION, 0
        self._dispatch, self._fault, self._jitter = dispatch, fault, jitter
        self._context: dict[str, Any] = {"Execution": {"Name": name}}
        self._strands = Strands(now, pick)
        self._tokens = Tokens(self._strands, name)
        self._root = self._strands.begin(self._machine(machine, input, self._context), self._ended)
        self.later(machine["TimeoutSeconds"], lambda: self._finish(Status.TIMED_OUT))

    @property
    def now(self) -> datetime:
        """The virtual time."""
        return self._strands.now

    def run(self, until: Callable[[], bool] = lambda: False) -> "Walker":
        """Goes on until the execution has ended, or `until` holds."""
        while self.status is Status.RUNNING and not until():
            self.advance()
        return self

    def advance(self) -> bool:
        """One turn, or the next moment at which something happens; False where it has ended."""
        return self.status is Status.RUNNING and self._strands.advance()

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        """Has `act` done at a later moment: a person who decides, a provider that answers."""
        self._strands.later(seconds, act)

    def succeed(self, token: str, reply: Mapping[str, Any]) -> bool:
        """SendTaskSuccess; False where nobody waits for the token any more."""
        return self.status is Status.RUNNING and self._tokens.succeed(token, reply)

    def heartbeat(self, token: str) -> bool:
        """SendTaskHeartbeat; False where nobody waits for the token any more."""
        return self.status is Status.RUNNING and self._tokens.heartbeat(token)

    def stop(self) -> None:
        """StopExecution: no further state is entered."""
        self._finish(Status.ABORTED)

    def _ended(self, error: StatesError | None) -> None:
        self.error = error
        self._finish(Status.FAILED if error else Status.SUCCEEDED)

    def _finish(self, status: Status) -> None:
        if self.status is Status.RUNNING:
            self.status = status
            self._root.kill()

    def _machine(self, machine: State, data: Data, context: Data) -> Moved:
        name: str | None = machine["StartAt"]
        while name is not None:
            state = machine["States"][name]
            self.visits.append(Visit(name, data, self.now))
            self.transitions += 1
            self.events += events.VISIT
            match state["Type"]:
                case "Choice":
                    name = choose(state, data, context)
                case "Wait":
                    yield self._strands.sleep(self._seconds(state, data, context))
                    name = state["Next"]
                case "Succeed":
                    name = None
                case "Fail":
                    raise StatesError(state["Error"], state["Cause"])
                case kind:
                    data, name = yield from _CAUGHT[kind](self, name, state, data, context)
        return data, None

    def _seconds(self, state: State, data: Data, context: Data) -> float:
        if "SecondsPath" in state:
            return float(resolve(state["SecondsPath"], data, context))
        until = datetime.fromisoformat(resolve(state["TimestampPath"], data, context))
        return max(0.0, (until - self.now).total_seconds())

    def _task(self, name: str, state: State, data: Data, context: Data) -> Moved:
        used = [0] * len(state["Retry"])
        attempt = 0
        while True:
            attempt += 1
            try:
                result = yield from self._attempt(name, attempt, state, data, context)
            except StatesError as error:
                delay = again(state, error, used)
                if delay is None:
                    return catch(state, data, error)
                self.transitions += 1
                yield self._strands.sleep(self._jitter(delay))
            else:
                chosen = fill(state["ResultSelector"], result, context)
                return put(data, state["ResultPath"], chosen), state.get("Next")

    def _attempt(
        self, name: str, attempt: int, state: State, data: Data, context: Data
    ) -> Generator[Wish, Any, Any]:
        token = self._tokens.issue() if state["Resource"].endswith(".waitForTaskToken") else None
        self.events += events.ATTEMPT + (events.SUBMITTED if token else 0)
        payload = fill(state["Parameters"], data, {**context, "Task": {"Token": token}})["Payload"]
        began = self.now
        yield self._strands.turn
        try:
            reply = yield from self._invoke(Call(name, attempt, payload, token), state["TimeoutSeconds"])
            if token is None:
                return {"Payload": reply}
            left = state["TimeoutSeconds"] - (self.now - began).total_seconds()
            return (yield self._tokens.answer(token, left, state.get("HeartbeatSeconds")))
        finally:
            if token:
                self._tokens.close(token)

    def _invoke(self, call: Call, timeout: int) -> Generator[Wish, Any, Any]:
        self.calls.append(call)
        fault = self._fault(call)
        if fault is Fault.LOST:
            raise StatesError("Lambda.TooManyRequestsException")
        reply = None
        try:
            for _ in range(2 if fault is Fault.TWICE else 1):
                reply = _as_json(self._dispatch(call))
        except Exception as crash:
            self.crashes.append(crash)
            raise StatesError("Lambda.Unknown", str(crash)) from crash
        if fault is Fault.CRASHED:
            raise StatesError("Lambda.Unknown")
        if fault is Fault.LATE:
            yield self._strands.sleep(timeout)
            raise StatesError("States.Timeout")
        return reply

    def _parallel(self, name: str, state: State, data: Data, context: Data) -> Moved:
        walks = [self._machine(each, data, context) for each in state["Branches"]]
        return (yield from self._inside(state, data, walks, len(walks)))

    def _map(self, name: str, state: State, data: Data, context: Data) -> Moved:
        walks = []
        for index, item in enumerate(resolve(state["ItemsPath"], data, context)):
            inner = {**context, "Map": {"Item": {"Index": index, "Value": item}}}
            walks.append(
                self._machine(state["ItemProcessor"], fill(state["ItemSelector"], data, inner), context)
            )
        self.events += events.ITERATION * len(walks)
        return (yield from self._inside(state, data, walks, state["MaxConcurrency"]))

    def _inside(self, state: State, data: Data, walks: list[Moved], most: int) -> Moved:
        self.events += events.CONTAINER
        try:
            yield self._strands.fork(walks, most)
        except StatesError as error:
            return catch(state, data, error)
        return put(data, state["ResultPath"], None), state["Next"]


_CAUGHT = {"Task": Walker._task, "Parallel": Walker._parallel, "Map": Walker._map}
"""States with catchers."""


def _as_json(reply: Mapping[str, Any]) -> Any:
    return json.loads(json.dumps(dict(reply)))
