"""The rules of a step's life that need no store: places, keys, delays, what a retried run takes over."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.workflow.domain.carrying import carried
from services.workflow.domain.definition import (
    ActionStep,
    ApprovalStep,
    Definition,
    ForEachStep,
    Jitter,
    Retry,
)
from services.workflow.domain.dispatch import Outcome
from services.workflow.domain.effects import effect_key, patience_ends, reply_of, retry_delay
from services.workflow.domain.places import iterations, loops, owner, visible_at
from services.workflow.domain.run import Failure, Run, RunStatus, StepRecord, StepStatus

NOW = datetime(2026, 11, 1, tzinfo=UTC)
FAILURE = Failure("NO", "no", "a")
DEFINITION = Definition(
    "any-workflow",
    "Any",
    (
        ActionStep("a", "set", on_failure=(ActionStep("fix", "set"),)),
        ForEachStep("out", "x", (ForEachStep("in", "y", (ActionStep("b", "set"),)), ActionStep("c", "set"))),
        ApprovalStep("ask", "?", on_expiry=(ActionStep("late", "set"),)),
        ActionStep("once", "there.once"),
    ),
    on_failure=(ActionStep("clean", "set"),),
)
RUN = Run(
    "r-2", "any-workflow", 1, RunStatus.RUNNING, "manual", "retry", "bob", NOW, retry_of="r-1", started_at=NOW
)


def always(record: StepRecord) -> bool:
    return True


def record(step: str, status: StepStatus, at: str = "", **more: object) -> StepRecord:
    made = StepRecord(
        "r-1", step, at, status, 2, "e-1", NOW, input={"n": 1}, output={"o": 1}, token="t", rowversion=4
    )
    return replace(made, **more)  # type: ignore[arg-type]


# --- places ---


def test_places_are_paths_of_iterations() -> None:
    assert iterations("") == ()
    assert iterations("out[3]/in[0]") == (("out", 3), ("in", 0))


@pytest.mark.parametrize("at", ["out", "out[]", "out[-1]", "out[1]/", "/out[1]", "out[1]in[2]", "out[1]#x"])
def test_what_is_no_place(at: str) -> None:
    with pytest.raises(ValueError, match="no place"):
        iterations(at)


def test_a_step_sees_what_is_around_it_and_nothing_inside_other_loops() -> None:
    around = loops(DEFINITION)
    assert around["b"] == ("out", "in")
    assert visible_at("out[3]/in[0]", around["b"]) == "out[3]/in[0]"
    assert visible_at("out[3]/in[0]", around["c"]) == "out[3]"
    assert visible_at("out[3]/in[0]", around["a"]) == ""
    assert visible_at("out[3]", around["b"]) is None
    assert visible_at("", around["c"]) is None
    assert visible_at("other[3]", around["c"]) is None


def test_handlers_have_an_owner() -> None:
    assert owner(DEFINITION, "fix").id == "a"  # type: ignore[union-attr]
    assert owner(DEFINITION, "late").id == "ask"  # type: ignore[union-attr]
    assert owner(DEFINITION, "b") is None
    assert owner(DEFINITION, "clean") is None


# --- keys and delays ---


def test_a_key_is_of_run_place_and_step() -> None:
    keys = {
        effect_key(*parts)
        for parts in (("r-1", "", "a"), ("r-2", "", "a"), ("r-1", "x[0]", "a"), ("r-1", "", "b"))
    }
    assert len(keys) == 4
    assert effect_key("r-1", "", "a") in keys
    assert all(len(key) == 42 and key.startswith("e-") for key in keys)


@given(
    st.builds(
        Retry,
        attempts=st.integers(1, 10),
        delay=st.integers(0, 3600),
        backoff=st.integers(1, 10),
        max_delay=st.integers(1, 3600),
        jitter=st.sampled_from(Jitter),
    ),
    st.integers(1, 10_000),
    st.none() | st.integers(0, 10**6),
    st.floats(0, 1),
)
def test_delays_are_bounded(retry: Retry, attempt: int, after: int | None, share: float) -> None:
    delay = retry_delay(retry, attempt, lambda low, high: low + share * (high - low), after)
    assert 1 <= delay <= 3600
    assert delay >= min(after or 0, 3600)
    assert delay <= max(retry.max_delay, after or 1, 1)


def test_looks_for_a_persons_word_grow_rarer() -> None:
    lost = record("a", StepStatus.UNKNOWN, ended_at=NOW)
    waits = [reply_of(lost, NOW + timedelta(seconds=each)).delay for each in (0, 60, 300, 86_400)]
    assert waits == [15, 60, 300, 3600]
    looks, now = 0, NOW
    while now < NOW + timedelta(days=1):
        now += timedelta(seconds=reply_of(lost, now).delay)
        looks += 1
    # Ten such steps side by side, at ten events a look, stay far from 25,000.
    assert looks < 40
    assert patience_ends(lost, 60, None) == NOW + timedelta(days=1)
    assert patience_ends(lost, 200_000, None) == NOW + timedelta(seconds=200_000)
    assert patience_ends(lost, 60, NOW + timedelta(hours=1)) == NOW + timedelta(minutes=50)


def test_a_settled_step_is_always_told_alike() -> None:
    for status, outcome in (
        (StepStatus.SUCCEEDED, Outcome.OK),
        (StepStatus.SKIPPED, Outcome.SKIPPED),
        (StepStatus.FAILED, Outcome.FAILED),
        (StepStatus.EXPIRED, Outcome.EXPIRED),
    ):
        replies = {reply_of(record("a", status), NOW + timedelta(days=each)) for each in range(3)}
        assert {reply.outcome for reply in replies} == {outcome}
        assert len(replies) == 1


# --- what a retried run takes over ---


@pytest.mark.parametrize(
    ("found", "becomes"),
    [
        (record("a", StepStatus.SUCCEEDED), StepStatus.SUCCEEDED),
        (record("a", StepStatus.SKIPPED), StepStatus.SKIPPED),
        (record("a", StepStatus.FAILED, failure=FAILURE), StepStatus.RETRYING),
        (record("a", StepStatus.FAILED, failure=FAILURE, caught=True), StepStatus.FAILED),
        (record("a", StepStatus.FAILED, failure=replace(FAILURE, code="EFFECT_UNKNOWN")), StepStatus.UNKNOWN),
        (record("a", StepStatus.UNKNOWN, failure=FAILURE), StepStatus.UNKNOWN),
        (record("a", StepStatus.STARTED), StepStatus.STARTED),
        (record("a", StepStatus.WAITING), StepStatus.RETRYING),
        (record("once", StepStatus.WAITING), StepStatus.UNKNOWN),
        (record("once", StepStatus.RETRYING), StepStatus.RETRYING),
        (record("a", StepStatus.RETRYING), StepStatus.RETRYING),
        (record("b", StepStatus.SUCCEEDED, "out[0]/in[1]"), StepStatus.SUCCEEDED),
        (record("ask", StepStatus.SUCCEEDED), StepStatus.SUCCEEDED),
        (record("ask", StepStatus.EXPIRED, failure=FAILURE), StepStatus.EXPIRED),
        (record("ask", StepStatus.FAILED, failure=FAILURE), None),
        (record("ask", StepStatus.WAITING), None),
        (record("clean", StepStatus.SUCCEEDED), None),
        (record("gone", StepStatus.SUCCEEDED), None),
    ],
)
def test_what_is_carried_over(found: StepRecord, becomes: StepStatus | None) -> None:
    mine = carried(DEFINITION, found, RUN, lambda record: record.step != "once")
    assert (None if mine is None else mine.status) == becomes
    if mine is not None:
        assert (mine.run, mine.carried_from, mine.effect_key) == ("r-2", "r-1", "e-1")
        assert (mine.token, mine.rowversion) == (None, None)
        assert (mine.status is StepStatus.UNKNOWN) <= (mine.failure is not None)


@pytest.mark.parametrize(
    ("step", "carries"),
    [("a", True), ("fix", True), ("out", True), ("in", False), ("b", False), ("ask", False)],
)
def test_from_a_step_on_what_succeeded_is_done_anew(step: str, carries: bool) -> None:
    mine = carried(DEFINITION, record(step, StepStatus.SUCCEEDED), replace(RUN, from_step="in"), always)
    assert (mine is not None) is carries


def test_from_a_step_on_what_failed_keeps_its_key_and_gets_its_input_anew() -> None:
    mine = carried(
        DEFINITION,
        record("c", StepStatus.FAILED, "out[0]", failure=FAILURE),
        replace(RUN, from_step="in"),
        always,
    )
    assert mine is not None
    assert (mine.status, mine.effect_key, mine.input, mine.attempt) == (StepStatus.RETRYING, "e-1", None, 0)
