"""When a bill is overdue, and when it is no longer."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from services.cost_center.domain.overdue import (
    Cause,
    Habit,
    Overdue,
    OverdueKey,
    Rules,
    Source,
    WaitingFiles,
    cleared,
    overdue,
)

RULES = Rules()
DAILY = Habit(days=(date(2026, 9, 3), date(2026, 9, 4)), open_days=(date(2026, 9, 3), date(2026, 9, 4)))
MONTHLY = Habit(days=(date(2026, 9, 3), date(2026, 10, 3)))
ONCE = Habit(days=(date(2026, 10, 3),))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def connected(since: str) -> Habit:
    return Habit(connected_since=at(since))


def causes(source: Source, now: str) -> list[tuple[str, str]]:
    return [(each.key.cause.value, each.key.billing_period) for each in overdue(source, RULES, at(now))]


def bills(**moments: str) -> dict[str, datetime]:
    return {period.removeprefix("m").replace("_", "-"): at(moment) for period, moment in moments.items()}


@pytest.mark.parametrize(
    ("now", "late"),
    [("2026-10-12T05:59:59", False), ("2026-10-12T06:00:00", True)],
)
def test_a_running_month_is_late_after_two_days(now: str, late: bool) -> None:
    source = Source("aws", bills(m2026_09="2026-10-03", m2026_10="2026-10-10T06:00:00"), DAILY)
    assert causes(source, now) == ([("late", "2026-10")] if late else [])
    for each in overdue(source, RULES, at(now)):
        assert each.since == at("2026-10-12T06:00:00")
        assert each.last_delivered_at == at("2026-10-10T06:00:00")
        assert "last came at 2026-10-10T06:00:00" in each.reason


def test_a_running_month_of_which_nothing_came_is_late_from_its_begin_on() -> None:
    source = Source("aws", bills(m2026_09="2026-10-01T01:00:00"), DAILY)
    assert causes(source, "2026-10-02T23:59:59") == []
    assert causes(source, "2026-10-03T00:00:00") == [("late", "2026-10")]


@pytest.mark.parametrize("habit", [ONCE, MONTHLY, Habit()])
def test_who_brings_whole_months_is_not_asked_for_a_running_one(habit: Habit) -> None:
    source = Source("aws", bills(m2026_09="2026-10-03", m2026_10="2026-10-03"), habit)
    assert causes(source, "2026-10-31") == []


def test_an_ended_month_is_missing_from_its_day_on() -> None:
    source = Source("aws", bills(m2026_08="2026-09-03", m2026_09="2026-10-03"), MONTHLY)
    assert causes(source, "2026-11-04T23:59:59") == []
    assert causes(source, "2026-11-05T00:00:00") == [("missing", "2026-10")]
    [told] = overdue(source, replace(RULES, closed_day=1), at("2026-11-01"))
    assert told.since == at("2026-11-01")
    came = replace(source, bills={**source.bills, "2026-10": at("2026-11-03")})
    assert causes(came, "2026-11-30") == []


def test_a_file_that_was_uploaded_once_is_no_promise() -> None:
    source = Source("aws", bills(m2026_09="2026-10-03"), ONCE)
    assert causes(source, "2026-11-30") == []


def test_a_source_that_ended_is_not_asked_for_month_after_month() -> None:
    """The month after its last is missing; of the one after that nobody speaks."""
    source = Source("aws", bills(m2026_08="2026-09-03", m2026_09="2026-10-03"), MONTHLY)
    assert causes(source, "2026-12-20") == []
    daily = Source("aws", bills(m2026_09="2026-09-30"), DAILY)
    assert causes(daily, "2026-10-20") == [("late", "2026-10")]
    assert causes(daily, "2026-12-20") == []


def test_a_connected_source_is_asked_for_from_its_connection_on() -> None:
    source = Source("aws", {}, connected("2026-10-20T10:00:00"))
    assert causes(source, "2026-10-22T09:59:59") == []
    assert causes(source, "2026-10-22T10:00:00") == [("late", "2026-10")]
    assert causes(source, "2026-11-05") == [("late", "2026-11"), ("missing", "2026-10")]
    assert causes(source, "2026-12-05") == [("late", "2026-12"), ("missing", "2026-11")]
    new = Source("aws", {}, connected("2026-11-04T10:00:00"))
    assert causes(new, "2026-11-06T09:00:00") == [], "the month before it was connected is not its own"


def test_the_oldest_of_what_waits_is_told_for_each_period() -> None:
    source = Source(
        "aws",
        waiting=[
            WaitingFiles("aws", "2026-10", at("2026-10-05"), "2 of 3 files are missing"),
            WaitingFiles("aws", "2026-10", at("2026-10-04"), "1 of 3 files is missing"),
            WaitingFiles("aws", None, at("2026-10-06"), "its manifest has not come"),
        ],
    )
    assert causes(source, "2026-10-05T23:59:59") == []
    [whole] = overdue(source, RULES, at("2026-10-06"))
    assert whole.key == ("aws", "2026-10", Cause.WAITING)
    assert whole.since == at("2026-10-06")
    assert whole.reason.endswith("1 of 3 files is missing")
    assert causes(source, "2026-10-08") == [("waiting", ""), ("waiting", "2026-10")]
    assert [each.bill_id for each in overdue(source, RULES, at("2026-10-08"))] == [None, "aws.2026-10"]


def test_what_waits_for_months_is_not_waited_for() -> None:
    waiting = WaitingFiles("aws", "2026-08", at("2026-08-05"), "1 of 3 files is missing")
    source = Source("aws", bills(m2026_10="2026-10-20"), connected("2026-08-01"), [waiting])
    known = replace(told(Cause.WAITING, "2026-08"), since=at("2026-08-07"))
    assert ("waiting", "2026-08") in causes(source, "2026-10-06")
    assert not cleared(known, source, at("2026-10-06"))
    assert ("waiting", "2026-08") not in causes(source, "2026-10-06T00:00:01")
    assert cleared(known, source, at("2026-10-06T00:00:01"))


def told(cause: Cause, period: str = "2026-10", last: str | None = None) -> Overdue:
    moment = None if last is None else at(last)
    return Overdue(OverdueKey("aws", period, cause), at("2026-10-12"), "why", moment)


@pytest.mark.parametrize(
    ("known", "source", "over"),
    [
        (told(Cause.LATE, last="2026-10-10"), Source("aws", bills(m2026_10="2026-10-10"), DAILY), False),
        (told(Cause.LATE, last="2026-10-10"), Source("aws", bills(m2026_10="2026-10-13"), DAILY), True),
        (told(Cause.LATE), Source("aws", bills(m2026_10="2026-10-01"), DAILY), True),
        (told(Cause.LATE), Source("aws", bills(m2026_11="2026-11-02"), DAILY), False),
        (told(Cause.MISSING), Source("aws", bills(m2026_09="2026-10-03"), MONTHLY), False),
        (told(Cause.MISSING), Source("aws", bills(m2026_10="2026-11-07"), MONTHLY), True),
        (told(Cause.MISSING), Source("aws", bills(m2026_08="2026-09-03"), MONTHLY), True),
        (told(Cause.MISSING), Source("aws", bills(m2026_08="2026-09-03"), connected("2026-08-01")), False),
        (told(Cause.WAITING), Source("aws", bills(m2026_09="2026-10-03")), True),
        (
            told(Cause.WAITING),
            Source("aws", waiting=[WaitingFiles("aws", "2026-10", at("2026-11-07"), "again")]),
            False,
        ),
        (
            told(Cause.WAITING, period=""),
            Source("aws", waiting=[WaitingFiles("aws", "2026-10", at("2026-11-07"), "another")]),
            True,
        ),
    ],
)
def test_only_a_delivery_clears_or_a_long_silence(known: Overdue, source: Source, over: bool) -> None:
    assert cleared(known, source, at("2026-11-08")) is over


def test_habits_keep_the_first_two_days_and_when_it_was_connected() -> None:
    now = at("2026-10-10T12:00:00")
    seen: Any = Habit().seeing(bills(m2026_09="2026-10-03", m2026_10="2026-10-10"), False, now)
    assert seen == Habit((date(2026, 10, 3), date(2026, 10, 10)), (date(2026, 10, 10),))
    seen = seen.seeing(bills(m2026_09="2026-10-03", m2026_10="2026-10-11"), True, now)
    assert seen.open_days == (date(2026, 10, 10), date(2026, 10, 11))
    assert len(seen.days) == 2
    assert seen.connected_since == now
    seen = seen.seeing({}, True, now + timedelta(days=1))
    assert seen.connected_since == now
    assert seen.seeing({}, False, now).connected_since is None
