"""Runs that wait and start: within limits, once each, oldest first, and fairly between tenants."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from services.workflow.application.tend_runs import TendApprovals
from services.workflow.domain.run import Run, RunStatus
from services.workflow.domain.workflow import TenantLimits
from services.workflow.events import RunFinished, RunRequested
from shared.errors import TooManyRequests, VersionConflict
from shared.tenancy import TenantId
from tests.fakes.workflow_start import ACME, INPUTS, OTHER, Died, Site, event, person, workflow_text

ON_BILLS = '  - name: bills\n    event: BillIngested.v1\n    inputs: {bill: "${event.bill_id}"}'
LIMITED = "limits: {concurrency: 2}"
PER_MINUTE = "limits: {per_minute: 3}"
REFUSING = "limits: {concurrency: 2, on_limit: refuse}"
FAILPOINTS = ["workflow start: queued", "workflow start: place taken", "workflow start: launched"]


def site_with(limits: str = "", *tenants: TenantId) -> Site:
    site = Site()
    for tenant in tenants or (ACME,):
        site.publish(person(tenant), workflow_text(triggers=ON_BILLS, more=f"{INPUTS}\n{limits}"))
    site.passed.clear()
    return site


def ask(site: Site, count: int, tenant: TenantId = ACME) -> list[str]:
    """So many events, one after the other; the runs they ask for."""
    match, runs = site.match, []
    for at in range(count):
        site.wait(0.001)
        env = event(f"e-{at}", tenant).model_copy(update={"time": site.clock.now()})
        runs += match([env])
    return runs


def statuses(site: Site, tenant: TenantId = ACME) -> list[str]:
    ordered = sorted(site.all_runs(tenant), key=lambda run: run.created_at)
    return [run.status.value for run in ordered]


def the(site: Site, run: str) -> Run:
    found = site.runs.get(ACME, run)
    assert found is not None
    return found


def test_a_run_is_started_once_however_often_it_is_asked_for() -> None:
    site = site_with()
    runs = ask(site, 3)
    for _ in range(3):
        site.pump()
    assert site.executions.started == runs
    assert site.passed.count("workflow start: launched") == 3 + 3 * 5, "again, which starts nothing"


@pytest.mark.parametrize("limits", ["", LIMITED])
@pytest.mark.parametrize("status", [RunStatus.RUNNING, RunStatus.CANCELLING])
def test_a_run_that_goes_on_and_is_asked_for_again_is_left_alone(status: RunStatus, limits: str) -> None:
    site = site_with(limits)
    (run,) = ask(site, 1)
    site.pump()
    going_on = site.runs.change(ACME, the(site, run), replace(the(site, run), status=status))
    site.pump()
    assert the(site, run) == going_on
    assert site.executions.started == [run]


def test_no_more_at_once_than_its_concurrency_and_the_oldest_first() -> None:
    site = site_with(LIMITED)
    runs = ask(site, 4)
    site.pump()
    assert site.executions.started == runs[:2]
    assert statuses(site) == ["starting", "starting", "queued", "queued"]
    site.finish(runs[1])
    assert site.queue.drain(ACME, "report") == 1
    assert site.executions.started == runs[:3]


def test_messages_out_of_order_start_the_oldest_that_is_there() -> None:
    site = site_with(LIMITED)
    runs = ask(site, 3)
    for env in reversed(list(site.requests.sent.values())):
        site.queue.accept(env.tenant, RunRequested.model_validate(env.data), env.time)
    assert site.executions.started == [runs[2], runs[1]]
    site.finish(runs[2])
    site.queue.drain(ACME, "report")
    assert site.executions.started == [runs[2], runs[1], runs[0]]


def test_a_workflow_that_refuses_says_why() -> None:
    site = site_with(REFUSING)
    ask(site, 4)
    site.pump()
    assert statuses(site) == ["starting", "starting", "refused", "refused"]
    told = site.bus.of(RunFinished)
    assert [(each.status, each.failure_code) for each in told] == [("refused", "LIMIT_REACHED")] * 2


def test_starts_per_minute() -> None:
    site = site_with(PER_MINUTE)
    ask(site, 5)
    site.pump()
    assert len(site.executions.started) == 3
    site.wait(60)
    assert site.tend_runs() == 2
    assert len(site.executions.started) == 5


def test_a_tenants_starts_are_paced() -> None:
    site = site_with()
    site.settings.of[ACME] = TenantLimits(starts_per_second=2)
    ask(site, 5)
    site.pump()
    assert len(site.executions.started) == 2
    begun = site.clock.now()
    assert site.tend_runs() == 3
    assert len(site.executions.started) == 5
    assert timedelta(seconds=1) < site.clock.now() - begun <= timedelta(seconds=2)


def test_while_one_tenant_is_paced_another_is_not_and_time_ends_it() -> None:
    site = site_with("", ACME, OTHER)
    for tenant in (ACME, OTHER):
        site.settings.of[tenant] = TenantLimits(starts_per_second=0)
    ask(site, 45, ACME)
    ask(site, 45, OTHER)
    site.pump()
    site.settings.of[ACME] = TenantLimits(starts_per_second=10)
    site.settings.of[OTHER] = TenantLimits(starts_per_second=3)
    until = site.clock.now().replace(microsecond=0) + timedelta(seconds=4)
    tend = replace(site.tending(), time_is_up=lambda: site.clock.now() >= until)
    assert tend.drain(tend().waiting) == 4 * 10 + 4 * 3
    assert site.clock.now() == until


def test_a_tenant_that_may_start_nothing_is_not_waited_for() -> None:
    site = site_with()
    site.settings.of[ACME] = TenantLimits(starts_per_second=0)
    ask(site, 2)
    site.pump()
    assert site.tend_runs() == 0


@pytest.mark.parametrize("failpoint", FAILPOINTS)
@pytest.mark.parametrize("healed_by", ["the message again", "reconciling"])
def test_a_crash_heals(failpoint: str, healed_by: str) -> None:
    site = site_with(LIMITED)
    runs = ask(site, 3)
    site.die_at = failpoint
    with pytest.raises(Died):
        site.pump()
    if healed_by == "the message again":
        site.pump()
        assert statuses(site) == ["starting", "starting", "queued"]
    else:
        site.wait(61)
        site.tend_runs()
        assert site.executions.started == runs[:1], "only the first message came so far"
        site.pump()
    assert site.executions.started == runs[:2]


@pytest.mark.parametrize("limits", ["", LIMITED])
def test_a_run_that_met_others_at_the_count_is_not_taken_for_somebody_elses(limits: str) -> None:
    site = site_with(limits)
    runs = ask(site, 2)
    site.runs.contended = 1
    with pytest.raises(VersionConflict):
        site.pump()
    assert statuses(site) == ["queued"]
    site.pump()
    assert site.executions.started == runs


def test_step_functions_is_busy() -> None:
    site = site_with(LIMITED)
    runs = ask(site, 2)
    site.executions.throttled = True
    with pytest.raises(TooManyRequests):
        site.pump()
    assert statuses(site) == ["starting"]
    site.executions.throttled = False
    site.pump()
    assert site.executions.started == runs


def test_a_version_that_was_collected_is_made_again() -> None:
    site = site_with()
    runs = ask(site, 1)
    published = site.versions.get(ACME, "report", 1)
    assert published is not None
    assert published.machine is not None
    site.machines.delete_version(published.machine)
    site.pump()
    assert site.executions.started == runs


def test_a_run_of_no_version_fails_and_says_so() -> None:
    site = site_with()
    ask(site, 1)
    site.versions.rows.clear()
    site.pump()
    (run,) = site.all_runs()
    assert run.status is RunStatus.FAILED
    assert run.failure is not None
    assert run.failure.code == "VERSION_GONE"


def test_a_storm_of_one_tenant_does_not_keep_another_waiting() -> None:
    site = site_with("", ACME, OTHER)
    for tenant in (ACME, OTHER):
        site.settings.of[tenant] = TenantLimits(starts_per_second=0)
    ask(site, 60, ACME)
    late = ask(site, 2, OTHER)
    site.pump()
    assert site.executions.started == []
    for tenant in (ACME, OTHER):
        site.settings.of[tenant] = TenantLimits(starts_per_second=5)
    site.tend_runs()
    assert len(site.executions.started) == 62
    assert [run in late for run in site.executions.started[:4]] == [False, True, False, True], "turns"


def test_a_page_of_the_index_goes_on_where_the_last_one_ended() -> None:
    site = site_with(LIMITED)
    ask(site, 250)
    site.pump()
    for mark in ("100", "200", None, "100"):
        site.tend_runs()
        assert site.marks.at["runs-0"] == mark


@pytest.mark.parametrize(
    ("status", "became", "code"),
    [
        ("FAILED", "failed", "EXECUTION_FAILED"),
        ("TIMED_OUT", "timed_out", "RUN_TIMED_OUT"),
        ("ABORTED", "cancelled", "EXECUTION_STOPPED"),
        ("SUCCEEDED", "failed", "EXECUTION_LOST"),
        (None, "failed", "EXECUTION_LOST"),
    ],
)
@pytest.mark.parametrize("told_by", ["the event", "reconciling"])
def test_an_execution_that_ended_without_its_run(status: str, became: str, code: str, told_by: str) -> None:
    site = site_with()
    (run,) = ask(site, 1)
    site.pump()
    running = replace(the(site, run), status=RunStatus.RUNNING)
    site.runs.change(ACME, the(site, run), running)
    site.executions.running.pop(run)
    if status:
        site.executions.running[run] = status
    for _ in range(2):
        if told_by == "the event":
            site.ended.ended(ACME, run, status)
        else:
            site.wait(301)
            site.tend_runs()
    assert the(site, run).status.value == became
    (told,) = site.bus.of(RunFinished)
    assert (told.status, told.failure_code) == (became, code)


def test_a_run_that_goes_on_is_left_alone_until_its_deadline_has_passed() -> None:
    site = site_with()
    (run,) = ask(site, 1)
    site.pump()
    deadline = site.clock.now() + timedelta(hours=1)
    site.runs.change(
        ACME, the(site, run), replace(the(site, run), status=RunStatus.RUNNING, deadline=deadline)
    )
    site.wait(3700)
    site.tend_runs()
    assert the(site, run).status is RunStatus.RUNNING
    site.wait(300)
    site.tend_runs()
    assert the(site, run).status is RunStatus.TIMED_OUT
    assert site.executions.running[run] == "ABORTED"


def test_answers_of_a_run_that_goes_on_are_told_again() -> None:
    site = site_with()
    runs = ask(site, 2)
    site.pump()
    site.runs.change(ACME, the(site, runs[0]), replace(the(site, runs[0]), status=RunStatus.RUNNING))
    site.tend_runs()
    assert site.resent == [], "somebody is at work"
    site.wait(61)
    site.tend_runs()
    assert site.resent == [runs[0]]


def test_a_run_that_ended_and_was_not_sealed_is_sealed() -> None:
    site = site_with()
    runs = ask(site, 2)
    site.pump()
    site.finish(runs[0])
    site.tend_runs()
    assert site.sealed == [], "its event may still be on its way"
    site.wait(61)
    for _ in range(2):
        site.tend_runs()
    assert site.sealed == [runs[0]]


def test_one_that_is_being_cancelled_is_gone_on_with() -> None:
    site = site_with()
    (run,) = ask(site, 1)
    site.pump()
    site.runs.change(ACME, the(site, run), replace(the(site, run), status=RunStatus.CANCELLING))
    site.tend_runs()
    site.ended.ended(ACME, run, "ABORTED")
    assert site.advanced == [run, run]
    assert the(site, run).status is RunStatus.CANCELLING


def test_ten_thousand_events_are_one_run_each_or_the_declared_limit() -> None:
    site = site_with("", ACME, OTHER)
    site.publish(person(ACME), workflow_text("limited", triggers=ON_BILLS, more=f"{INPUTS}\n{REFUSING}"))
    match, seen = site.match, 0
    storm = [event(f"e-{at}", ACME) for at in range(10_000)]
    storm[5_000:5_000] = [event("one", OTHER)]
    for at in range(0, len(storm), 10):
        seen += len(match(storm[at : at + 10]))
    assert seen == 2 * 10_000 + 1
    assert site.requests.writes == 1_001
    accept = site.queue.accept
    for env in site.requests.sent.values():
        accept(env.tenant, RunRequested.model_validate(env.data), env.time)
    of = [run for run in site.all_runs() if run.workflow == "report"]
    assert len(of) == 10_000
    assert {run.status for run in of} == {RunStatus.STARTING}
    limited = [run.status for run in site.all_runs() if run.workflow == "limited"]
    assert limited.count(RunStatus.STARTING) == 2
    assert limited.count(RunStatus.REFUSED) == 9_998
    assert statuses(site, OTHER) == ["starting"]
    assert len(site.executions.started) == len(set(site.executions.started)) == 10_003


def test_an_execution_that_step_functions_does_not_know_yet_is_not_given_up() -> None:
    site = site_with()
    (run,) = ask(site, 1)
    site.pump()
    site.runs.change(ACME, the(site, run), replace(the(site, run), status=RunStatus.RUNNING))
    site.executions.running.clear()
    site.wait(120)
    site.tend_runs()
    assert the(site, run).status is RunStatus.RUNNING


@pytest.mark.parametrize(
    "error",
    [ClientError({"Error": {"Code": "InvalidArn"}}, "DescribeExecution"), ValueError("?"), KeyError("?")],
)
def test_one_bad_run_holds_up_no_other(error: Exception) -> None:
    site = site_with("", ACME, OTHER)
    (bad,), (lost,) = ask(site, 1, ACME), ask(site, 1, OTHER)
    site.pump()
    for tenant, run in ((ACME, bad), (OTHER, lost)):
        row = site.runs.rows[tenant, run]
        site.runs.change(tenant, row, replace(row, status=RunStatus.RUNNING))
    site.executions.failing[bad] = error
    site.executions.running[lost] = "FAILED"
    site.wait(301)
    found = site.tending()()
    assert (found.failed, found.ended) == (1, 1)
    assert statuses(site, OTHER) == ["failed"]
    assert site.marks.at["runs-0"] is None, "the page was finished"


def test_a_pass_ends_in_time_and_the_next_one_goes_on_there() -> None:
    site = site_with()
    runs = ask(site, 60)
    site.pump()
    for run in runs:
        site.runs.change(ACME, the(site, run), replace(the(site, run), status=RunStatus.RUNNING))
    site.wait(301)
    looked: list[str] = []
    site.executions.failing = _Noted(looked)
    tend = replace(site.tending(), time_is_up=lambda: len(looked) >= 30)
    tend()
    assert len(looked) == 30
    looked.clear()
    tend()
    assert looked[0] == runs[25], "the page that was not finished"


class _Noted(dict[str, Exception]):
    """Notes what is asked for, and holds nothing."""

    def __init__(self, looked: list[str]) -> None:
        self._looked = looked

    def __contains__(self, name: object) -> bool:
        self._looked.append(str(name))
        return False


def test_one_bad_approval_holds_up_no_other() -> None:
    tended: list[str] = []

    class Open:
        def open_everywhere(self, shard: int, *, after: str | None, limit: int) -> Any:
            return ([(ACME, "bad"), (OTHER, "good")] if shard == 0 else []), None

    class Approving:
        def tend(self, tenant: TenantId, approval: str) -> str:
            tended.append(approval)
            if approval == "bad":
                raise ValueError("?")
            return "changed"

    site = Site()
    tend = TendApprovals(cast(Any, Open()), cast(Any, Approving()), site.marks, site.clock)
    assert tend() == 1
    assert tended == ["bad", "good"]
    assert site.marks.at["approvals-0"] is None
