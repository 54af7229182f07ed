"""Workflow definitions for tests: a small registry, and any definition over it (`definitions`)."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from hypothesis import strategies as st

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
from shared.actions import Action, Field, Idempotency, Kind, Mode
from shared.tenancy import Role


def _action(name: str, mode: Mode, idempotency: Idempotency) -> Action:
    return Action(
        name=name,
        title=name,
        description="Does what the test wants.",
        mode=mode,
        idempotency=idempotency,
        role=Role.ANALYST,
        timeout_seconds=60,
        input={"text": Field(Kind.STRING)},
        output={"id": Field(Kind.STRING, required=True)},
    )


ACTIONS: Mapping[str, Action] = {
    each.name: each
    for each in (
        _action("here.again", Mode.INLINE, Idempotency.IDEMPOTENT),
        _action("here.search", Mode.INLINE, Idempotency.SEARCHABLE),
        _action("here.once", Mode.INLINE, Idempotency.NEITHER),
        _action("there.again", Mode.EVENT, Idempotency.IDEMPOTENT),
        _action("there.search", Mode.EVENT, Idempotency.SEARCHABLE),
        _action("there.once", Mode.EVENT, Idempotency.NEITHER),
    )
}
"""`here.*` is done by the dispatcher, `there.*` by another service; each in every class of idempotency."""

CONDITIONS = ("inputs.n > `1`", "inputs.n == `0`", "`true`", "`false`")
"""`inputs.n` is an integer that every definition takes."""

_Steps = tuple[Step, ...]
_when = st.none() | st.sampled_from(CONDITIONS)


def definitions(*, most: int = 8) -> st.SearchStrategy[Definition]:
    """Valid definitions with up to about `most` steps, of every kind, nested up to three deep. Ids are
    `s1`, `s2`... in the order of the file."""
    return st.builds(
        _numbered,
        steps=_series(most, depth=3),
        on_failure=st.just(()) | _series(2, depth=1),
        timeout=st.integers(600, 86_400),
    )


def _series(most: int, depth: int) -> st.SearchStrategy[_Steps]:
    return st.lists(_step(depth), min_size=1, max_size=max(1, most)).map(tuple)


def _step(depth: int) -> st.SearchStrategy[Step]:
    leaves = [_actions(depth), _waits(), _approvals(depth)]
    if depth > 0:
        inner = _series(2, depth - 1)
        branches = st.lists(st.builds(Branch, steps=inner), min_size=2, max_size=3).map(tuple)
        leaves += [
            st.builds(_choice, inner, st.lists(st.sampled_from(CONDITIONS), max_size=2), _when),
            st.builds(ParallelStep, id=st.just(""), branches=branches, when=_when),
            st.builds(
                ForEachStep,
                id=st.just(""),
                items=st.sampled_from(("inputs.list", "`[1, 2]`", "`[]`")),
                steps=inner,
                max_items=st.integers(1, 4),
                concurrency=st.integers(1, 3),
                when=_when,
            ),
        ]
    return st.one_of(leaves)


def _actions(depth: int) -> st.SearchStrategy[Step]:
    return st.builds(
        ActionStep,
        id=st.just(""),
        action=st.sampled_from(sorted(ACTIONS)),
        with_=st.just({"text": "n is ${inputs.n}"}),
        when=_when,
        timeout=st.integers(5, 60),
        heartbeat=st.none() | st.integers(1, 60),
        retry=st.builds(Retry, attempts=st.integers(1, 3), delay=st.integers(1, 5)),
        on_failure=st.just(()) | _series(2, depth - 1) if depth > 0 else st.just(()),
    )


def _waits() -> st.SearchStrategy[Step]:
    until = st.just("'2026-01-01T00:05:00Z'")
    return st.builds(WaitStep, id=st.just(""), seconds=st.integers(0, 60), when=_when) | st.builds(
        WaitStep, id=st.just(""), until=until, when=_when
    )


def _approvals(depth: int) -> st.SearchStrategy[Step]:
    return st.builds(
        ApprovalStep,
        id=st.just(""),
        message=st.just("n is ${inputs.n}: shall we?"),
        count=st.integers(1, 2),
        expires=st.integers(60, 300),
        reminders=st.none() | st.integers(20, 60),
        on_expiry=st.just(()) | _series(1, depth - 1) if depth > 0 else st.just(()),
        when=_when,
    )


def _choice(steps: _Steps, conditions: list[str], when: str | None) -> ChoiceStep:
    branches = [Branch(steps, condition) for condition in conditions]
    return ChoiceStep(id="", branches=(*branches, Branch(steps)), when=when)


def _numbered(steps: _Steps, on_failure: _Steps, timeout: int) -> Definition:
    numbers = iter(range(1, 10_000))
    return Definition(
        id="any-workflow",
        title="Any",
        steps=_with_ids(steps, numbers),
        inputs={"n": Field(Kind.INTEGER, default=1), "list": Field(Kind.LIST, default=["a", "b", "c"])},
        timeout=timeout,
        on_failure=_with_ids(on_failure, numbers),
    )


def _with_ids(steps: _Steps, numbers: Iterator[int]) -> _Steps:
    return tuple(_with_id(step, numbers) for step in steps)


def _with_id(step: Step, numbers: Iterator[int]) -> Step:
    id = f"s{next(numbers)}"
    match step:
        case ActionStep():
            return replace(step, id=id, on_failure=_with_ids(step.on_failure, numbers))
        case ApprovalStep():
            return replace(step, id=id, on_expiry=_with_ids(step.on_expiry, numbers))
        case ForEachStep():
            return replace(step, id=id, steps=_with_ids(step.steps, numbers))
        case ChoiceStep() | ParallelStep():
            branches = (replace(each, steps=_with_ids(each.steps, numbers)) for each in step.branches)
            return replace(step, id=id, branches=tuple(branches))
        case _:
            return replace(step, id=id)
