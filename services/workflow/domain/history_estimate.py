"""How long a run may get, before it runs: events of its history, and the transitions that AWS bills.

Both are the longest way through the compiled machine: every step is asked as often as its retries allow,
every call breaks once, every for-each has `max_items`, and the last step fails. Step Functions ends an
execution at 25,000 events and we refuse at 20,000: what is between is for calls that break more often, and
for steps that wait for a person to tell what became of an effect (about 2,600 events a day each).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from graphlib import TopologicalSorter
from typing import Any, cast

from services.workflow.domain.asl_walker import events
from services.workflow.domain.compiler.names import AGAIN, step_of
from services.workflow.domain.definition import ActionStep, Definition, ForEachStep, Step
from shared.errors import Unprocessable

WORKFLOW_TOO_LONG = "WORKFLOW_TOO_LONG"
MOST_EVENTS = 20_000
BREAKS = 1
"""Calls that break, and are done again, each time a state is entered."""

PRICE_OF_TRANSITION = Decimal("0.025") / 1000
"""USD, Standard workflows in us-east-1 (https://aws.amazon.com/step-functions/pricing/, 2026)."""

State = Mapping[str, Any]
Weigh = Callable[[str, State], int]


@dataclass(frozen=True)
class Transitions:
    """Of one run. `typical`: all goes well at once, each choice takes its longest branch."""

    typical: int
    worst: int

    def price(self, runs: int) -> tuple[Decimal, Decimal]:
        """USD for so many runs, typical and worst."""
        return (
            self.typical * runs * PRICE_OF_TRANSITION,
            self.worst * runs * PRICE_OF_TRANSITION,
        )


def history_events(definition: Definition, machine: State) -> int:
    """At most so many events has the history of one run of `machine`, which was compiled from
    `definition`."""
    return events.EXECUTION + _cost(_longest(machine, _Worst(definition).events, _every_way))


def transitions(definition: Definition, machine: State, *, items: int = 10) -> Transitions:
    """`items` is how many a for-each typically has (at most its `max_items`)."""
    usual = _Usual(definition, items)
    return Transitions(
        typical=_cost(_longest(machine, usual.transitions, _good_ways)),
        worst=_cost(_longest(machine, _Worst(definition).transitions, _every_way)),
    )


def refuse_too_long(definition: Definition, machine: State) -> None:
    """Raises Unprocessable (WORKFLOW_TOO_LONG), naming the step that takes most."""
    way = _longest(machine, _Worst(definition).events, _every_way)
    if (total := events.EXECUTION + _cost(way)) <= MOST_EVENTS:
        return
    chain, dearest = _dearest(machine, _Worst(definition).events)
    raise Unprocessable(
        f"workflow {definition.id!r} may write {total:,} events into the history of one run, and "
        f"{MOST_EVENTS:,} are allowed: {dearest:,} of them are of step {' > '.join(chain)}; lower max_items "
        "or the retry attempts there, or leave a part to another workflow",
        code=WORKFLOW_TOO_LONG,
        errors=[{"code": WORKFLOW_TOO_LONG, "step": chain[-1], "events": dearest}],
    )


def _dearest(machine: State, weigh: Weigh) -> tuple[list[str], int]:
    """The step that costs most, after the steps that it is inside of; and what the first of them costs."""
    name, cost = max(_longest(machine, weigh, _every_way), key=lambda each: each[1])
    inner = max(
        (_dearest(each, weigh) for each in _inner(machine["States"][name])),
        key=lambda each: each[1],
        default=([], 0),
    )
    return [str(step_of(name)), *inner[0]], cost


class _Worst:
    """What a state costs at most, with all the times that it is entered again."""

    def __init__(self, definition: Definition) -> None:
        self._steps = {each.id: each for each in definition.every_step()}

    def events(self, name: str, state: State) -> int:
        return self._with_repeats(name, state, self.events, _own_events)

    def transitions(self, name: str, state: State) -> int:
        return self._with_repeats(name, state, self.transitions, _own_transitions)

    def _with_repeats(self, name: str, state: State, weigh: Weigh, own: Callable[[State], int]) -> int:
        cost = own(state)
        if name in self._steps and state["Type"] == "Task":
            step = self._steps[name]
            again = cost + own({"Type": "Choice"}) + own({"Type": "Wait"})
            if state["Resource"].endswith(".waitForTaskToken"):
                again += own({"Type": "Task", "Resource": ""})
            cost += (_asks(step) - 1) * again
        inner = _inner(state)
        times = 1
        if state["Type"] == "Map":
            times = _loop(self._steps, name).max_items
            cost += times * (events.ITERATION if own is _own_events else 0)
        return cost + times * sum(_cost(_longest(each, weigh, _every_way)) for each in inner)


class _Usual:
    """What a state costs where nothing goes wrong."""

    def __init__(self, definition: Definition, items: int) -> None:
        self._steps = {each.id: each for each in definition.every_step()}
        self._items = items

    def transitions(self, name: str, state: State) -> int:
        times = 1
        if state["Type"] == "Map":
            times = min(self._items, _loop(self._steps, name).max_items)
        inner = (_cost(_longest(each, self.transitions, _good_ways)) for each in _inner(state))
        return 1 + times * sum(inner)


def _loop(steps: Mapping[str, Step], name: str) -> ForEachStep:
    """The step of a Map state."""
    return cast(ForEachStep, steps[str(step_of(name))])


def _asks(step: Step) -> int:
    """How often the dispatcher is asked to do a step: once more than its retries where a call broke in the
    middle of an attempt, for the lease of that one has to end first."""
    return BREAKS + (step.retry.attempts if isinstance(step, ActionStep) else 1)


def _own_events(state: State) -> int:
    match state["Type"]:
        case "Task":
            token = events.SUBMITTED if state["Resource"].endswith(".waitForTaskToken") else 0
            return events.VISIT + (1 + BREAKS) * (events.ATTEMPT + token)
        case "Parallel" | "Map":
            return events.VISIT + events.CONTAINER
        case _:
            return events.VISIT


def _own_transitions(state: State) -> int:
    """A retry is a transition as well."""
    return 1 + BREAKS if state["Type"] == "Task" else 1


def _inner(state: State) -> Sequence[State]:
    return [*state.get("Branches", ()), *([state["ItemProcessor"]] if "ItemProcessor" in state else ())]


def _every_way(state: State) -> Iterable[str]:
    """All states that may follow, but for the way back to a retry: what that costs is counted in its task."""
    ways = [rule["Next"] for rule in (*state.get("Choices", ()), *state.get("Catch", ()))]
    ways += [state[field] for field in ("Next", "Default") if field in state]
    return [way for way in ways if not way.endswith(AGAIN)]


def _good_ways(state: State) -> Iterable[str]:
    if state["Type"] != "Choice":
        return [state["Next"]] if "Next" in state else []
    good = [
        rule["Next"]
        for rule in state["Choices"]
        if rule.get("StringEquals") == "ok" or "NumericEquals" in rule
    ]
    return good or [state["Default"]]


def _longest(machine: State, weigh: Weigh, ways: Callable[[State], Iterable[str]]) -> list[tuple[str, int]]:
    """The dearest way from the start to an end: its states and what each costs."""
    states = machine["States"]
    following: dict[str, list[str]] = {}
    todo = [machine["StartAt"]]
    while todo:
        name = todo.pop()
        if name not in following:
            following[name] = list(ways(states[name]))
            todo += following[name]
    own: dict[str, int] = {}
    total: dict[str, int] = {}
    then: dict[str, str | None] = {}
    for name in TopologicalSorter(following).static_order():
        own[name] = weigh(name, states[name])
        then[name] = max(following[name], key=lambda each: total[each], default=None)
        after = then[name]
        total[name] = own[name] + (total[after] if after is not None else 0)
    way, at = [], machine["StartAt"]
    while at is not None:
        way.append((at, own[at]))
        at = then[at]
    return way


def _cost(way: Iterable[tuple[str, int]]) -> int:
    return sum(cost for _, cost in way)
