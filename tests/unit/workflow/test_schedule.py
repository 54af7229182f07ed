"""Schedules: the run of each time, and what becomes of the times that were missed."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from services.workflow.application.schedule import MOST_MISSED
from services.workflow.events import RunRequested
from tests.fakes.workflow_start import ACME, OTHER, START, Site, person, workflow_text

HOUR = timedelta(hours=1)


def hourly(missed: str = "run_once") -> str:
    return workflow_text(
        triggers=f'  - name: hourly\n    cron: "0 * * * ? *"\n    missed: {missed}\n'
        '    inputs: {at: "${event.scheduled_at}"}',
        more="inputs:\n  at: {type: timestamp, required: true}",
    )


def asked(site: Site) -> list[str]:
    """The hours of the runs that were asked for, in order."""
    found = [RunRequested.model_validate(each.data) for each in site.requests.sent.values()]
    return [each.inputs["at"][11:16] for each in found]


def at(hours: int) -> datetime:
    return START + hours * HOUR


def test_a_time_that_has_come_is_one_run() -> None:
    site = Site()
    site.publish(person(), hourly())
    site.clock.advance(HOUR)
    for _ in range(2):
        site.on_schedule(ACME, "report", "hourly", at(1))
    assert asked(site) == ["13:00"]
    assert site.triggers.seen(ACME, "report", "hourly") == at(1)


@pytest.mark.parametrize(
    ("missed", "expected"),
    [
        ("skip", ["16:00"]),
        ("run_once", ["15:00", "16:00"]),
        ("run_all", ["13:00", "14:00", "15:00", "16:00"]),
    ],
)
def test_times_that_were_missed(missed: str, expected: list[str]) -> None:
    site = Site()
    site.publish(person(), hourly(missed))
    site.clock.advance(4 * HOUR)
    site.on_schedule(ACME, "report", "hourly", at(4))
    assert asked(site) == expected


@pytest.mark.parametrize(
    ("missed", "expected"), [("skip", []), ("run_once", ["14:00"]), ("run_all", ["13:00", "14:00"])]
)
def test_reconciling_finds_what_nothing_told_of(missed: str, expected: list[str]) -> None:
    site = Site()
    site.publish(person(), hourly(missed))
    site.clock.advance(2 * HOUR + timedelta(minutes=4))
    site.tend_workflows()
    assert "14:00" not in asked(site), "its event may still be on its way"
    site = Site()
    site.publish(person(), hourly(missed))
    site.clock.advance(2 * HOUR + timedelta(minutes=6))
    for _ in range(3):
        site.tend_workflows()
    assert asked(site) == expected
    site.on_schedule(ACME, "report", "hourly", at(2))
    assert asked(site) == expected, "an event that comes after all finds it dealt with"


def test_while_it_is_paused_times_are_missed() -> None:
    site = Site()
    site.publish(person(), hourly())
    site.lifecycle.pause(person(), "report")
    site.clock.advance(3 * HOUR)
    for hour in (1, 2, 3):
        site.on_schedule(ACME, "report", "hourly", at(hour))
    site.tend_workflows()
    assert asked(site) == []
    site.lifecycle.resume(person(), "report")
    site.clock.advance(timedelta(minutes=6))
    site.tend_workflows()
    assert asked(site) == ["15:00"]


def test_events_out_of_order_lose_nothing() -> None:
    site = Site()
    site.publish(person(), hourly("run_all"))
    site.clock.advance(3 * HOUR)
    for hour in (3, 1, 2):
        site.on_schedule(ACME, "report", "hourly", at(hour))
    assert asked(site) == ["13:00", "14:00", "15:00"]


def test_run_all_has_a_limit() -> None:
    site = Site()
    site.publish(person(), hourly("run_all"))
    site.clock.advance(400 * HOUR)
    site.tend_workflows()
    assert len(asked(site)) == MOST_MISSED


def test_another_schedule_is_not_asked_for_times_before_it() -> None:
    site = Site()
    site.publish(person(), hourly("run_all"))
    site.clock.advance(3 * HOUR + timedelta(minutes=1))
    site.publish(person(), hourly("run_all").replace("0 * * * ? *", "0 0/1 * * ? *"))
    site.clock.advance(HOUR)
    site.on_schedule(ACME, "report", "hourly", at(4))
    assert asked(site) == ["16:00"]


def test_a_time_whose_event_comes_after_a_new_version_is_not_lost() -> None:
    site = Site()
    site.publish(person(), hourly("skip"))
    site.clock.advance(timedelta(seconds=10))
    for hour in (1, 2):
        site.clock.advance(HOUR)
        site.publish(person(), hourly("skip").replace("wait: 1s", f"wait: 1{hour}s"))
        site.on_schedule(ACME, "report", "hourly", at(hour))
    assert asked(site) == ["13:00", "14:00"]


def test_a_schedule_that_cannot_be_read_holds_up_no_other_workflows() -> None:
    site = Site()
    site.publish(person(), hourly().replace("id: report", "id: a-bad-one"))
    site.publish(person(), hourly())
    bad = site.triggers.sets[ACME, "a-bad-one"]
    (cron,) = bad.crons()
    site.triggers.sets[ACME, "a-bad-one"] = replace(bad, triggers=(replace(cron, cron="no cron"),))
    site.clock.advance(HOUR + timedelta(minutes=6))
    site.tend_workflows()
    assert asked(site) == ["13:00"]


def test_what_is_not_there_starts_nothing() -> None:
    site = Site()
    site.publish(person(), hourly())
    site.clock.advance(HOUR)
    for tenant, workflow, trigger in (
        (OTHER, "report", "hourly"),
        (ACME, "gone", "hourly"),
        (ACME, "report", "old"),
    ):
        assert site.on_schedule(tenant, workflow, trigger, at(1)) == []
    assert asked(site) == []


def test_a_crash_before_the_time_is_noted_asks_for_the_same_runs_again() -> None:
    site = Site()
    site.publish(person(), hourly("run_all"))
    site.clock.advance(2 * HOUR)
    site.on_schedule(ACME, "report", "hourly", at(2))
    site.triggers.times.clear()
    site.on_schedule(ACME, "report", "hourly", at(2))
    assert asked(site) == ["13:00", "14:00"]
