"""Publishing: once, in order, and whole wherever it dies."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.workflow.application.publish import ABANDONED
from services.workflow.domain.errors import DefinitionInvalid
from services.workflow.domain.run import RunStatus
from services.workflow.events import WorkflowDeleted, WorkflowPublished
from shared.actions import Action
from shared.errors import Conflict, Forbidden, NotFound
from shared.tenancy import Role, TenantId
from tests.fakes.workflow_start import ACME, OTHER, Died, Site, person, workflow_text

CRON = '  - name: daily\n    cron: "0 8 * * ? *"'
FIRST = workflow_text(triggers=CRON)
SECOND = workflow_text(triggers=CRON.replace("0 8", "0 9"), seconds=2)
FAILPOINTS = [
    "workflow publish: reserved",
    "workflow publish: version stored",
    "workflow publish: machine published",
    "workflow publish: version ready",
    "workflow publish: moved",
    "workflow publish: scheduled",
]


def whole(site: Site, number: int, text: str, *, settled: bool = True) -> None:
    """What must hold of `report` when this version is its current one."""
    row = site.workflows.get(ACME, "report")
    triggers = site.triggers.get(ACME, "report")
    stored = site.versions.get(ACME, "report", number)
    assert row is not None
    assert triggers is not None
    assert stored is not None
    assert row.current == number
    assert row.publishing is None or not settled
    assert triggers.version == number
    assert triggers.triggers == stored.definition.triggers
    assert stored.source == text
    assert stored.machine is not None
    assert site.machines.asl[stored.machine] == (number, stored.asl)


def test_the_first_publication() -> None:
    site = Site()
    outcome = site.publish(person(), FIRST)
    assert (outcome.version, outcome.changed) == (1, True)
    assert site.passed == FAILPOINTS
    whole(site, 1, FIRST)
    assert len(site.schedules.there) == 1
    (told,) = site.bus.of(WorkflowPublished)
    assert (told.workflow, told.workflow_version, told.by) == ("report", 1, "ann")


def test_the_same_again_is_unchanged() -> None:
    site = Site()
    site.publish(person(), FIRST)
    site.schedules.there.clear()
    outcome = site.publish(person(), FIRST)
    assert (outcome.version, outcome.changed) == (1, False)
    assert site.machines.made == 1
    assert len(site.bus.of(WorkflowPublished)) == 1
    assert len(site.schedules.there) == 1, "what is missing is made again"


def test_another_text_is_the_next_version_and_the_old_one_stays() -> None:
    site = Site()
    site.publish(person(), FIRST)
    assert site.publish(person(), SECOND).version == 2
    whole(site, 2, SECOND)
    old = site.versions.get(ACME, "report", 1)
    assert old is not None
    assert old.source == FIRST
    assert old.machine is not None
    assert len(site.schedules.there) == 2
    assert site.tend_workflows() > 0
    assert [cron.cron for _, _, cron in site.schedules.there.values()] == ["0 9 * * ? *"]


@pytest.mark.parametrize("failpoint", FAILPOINTS)
@pytest.mark.parametrize("healed_by", ["publishing again", "reconciling"])
def test_a_crash_heals(failpoint: str, healed_by: str) -> None:
    site = Site()
    site.publish(person(), FIRST)
    site.die_at = failpoint
    with pytest.raises(Died):
        site.publish(person(), SECOND)
    row = site.workflows.get(ACME, "report")
    assert row is not None
    whole(site, row.current or 0, {1: FIRST, 2: SECOND}[row.current or 0], settled=False)
    if healed_by == "publishing again":
        assert site.publish(person(), SECOND).version == 2
    else:
        site.wait(ABANDONED.total_seconds())
        site.tend_workflows()
        row = site.workflows.get(ACME, "report")
        assert row is not None
        assert row.publishing is None
        if failpoint == "workflow publish: reserved":
            # Of the text nothing was stored: whoever wrote it publishes it again.
            assert row.current == 1
            assert site.publish(person(), SECOND).version == 3
            return
    whole(site, 2, SECOND)
    assert len(site.bus.of(WorkflowPublished)) == 2, "each version is told of once"
    assert site.machines.made == 2, "a machine's version that a dead publication made is found again"
    site.tend_workflows()
    assert [cron.cron for _, _, cron in site.schedules.there.values()] == ["0 9 * * ? *"]


@pytest.mark.parametrize("failpoint", FAILPOINTS[:4])
def test_of_two_at_once_the_second_is_refused_until_the_first_is_abandoned(failpoint: str) -> None:
    site = Site()
    site.die_at = failpoint
    with pytest.raises(Died):
        site.publish(person(subject="ann"), FIRST)
    with pytest.raises(Conflict) as refused:
        site.publish(person(subject="bob"), SECOND)
    assert refused.value.code == "PUBLISH_IN_PROGRESS"
    assert "ann" in refused.value.detail
    site.wait(ABANDONED.total_seconds())
    assert site.publish(person(subject="bob"), SECOND).version == 2
    whole(site, 2, SECOND)


def test_one_whose_place_was_taken_does_not_move_the_workflow() -> None:
    site = Site()

    def slow(name: str) -> None:
        if name == "workflow publish: version ready":
            site.clock.advance(ABANDONED)
            replace(site.publish, failpoint=site.failpoint)(person(subject="bob"), SECOND)

    with pytest.raises(Conflict) as refused:
        replace(site.publish, failpoint=slow)(person(), FIRST)
    assert refused.value.code == "PUBLISH_SUPERSEDED"
    whole(site, 2, SECOND)


def test_two_that_publish_the_same_text_at_once_make_one_version() -> None:
    site = Site()

    def beside(name: str) -> None:
        if name == "workflow publish: version stored":
            replace(site.publish, failpoint=site.failpoint)(person(subject="bob"), FIRST)

    assert replace(site.publish, failpoint=beside)(person(), FIRST).version == 1
    whole(site, 1, FIRST)
    assert len(site.bus.of(WorkflowPublished)) == 1


def test_a_pause_during_a_publication_is_kept() -> None:
    site = Site()
    site.publish(person(), FIRST)

    def beside(name: str) -> None:
        if name == "workflow publish: version ready":
            site.lifecycle.pause(person(), "report")

    replace(site.publish, failpoint=beside)(person(), SECOND)
    whole(site, 2, SECOND)
    row, triggers = site.workflows.get(ACME, "report"), site.triggers.get(ACME, "report")
    assert row is not None
    assert row.paused
    assert triggers is not None
    assert not triggers.active


def test_pausing_and_resuming_move_the_generation_and_nothing_else() -> None:
    site = Site()
    site.publish(person(), FIRST)
    before = site.triggers.get(ACME, "report")
    site.lifecycle.pause(person(), "report")
    assert site.lifecycle.pause(person(), "report").paused, "again makes no difference"
    assert site.triggers.generation(ACME) == 2
    assert not site.lifecycle.resume(person(), "report").paused
    assert site.triggers.get(ACME, "report") == before


def test_a_deleted_workflow_keeps_its_numbers_and_loses_its_machine_when_no_run_needs_it() -> None:
    site = Site()
    site.publish(person(), FIRST + "\n")
    site.publish(person(), workflow_text(triggers="  - name: hand\n    manual: true"))
    run = site.start(person(), "report", {}, "k")
    site.queue.drain(ACME, "report")
    site.lifecycle.delete(person(), "report")
    (told,) = site.bus.of(WorkflowDeleted)
    assert told.workflow == "report"
    assert site.machines.count() == 1
    site.tend_workflows()
    assert site.machines.count() == 1, "a run goes on"
    site.finish(run.id)
    site.tend_workflows()
    assert site.machines.count() == 0
    assert site.schedules.there == {}
    for act in (site.lifecycle.pause, site.lifecycle.delete):
        with pytest.raises(NotFound):
            act(person(), "report")
    assert site.publish(person(), FIRST).version == 3
    whole(site, 3, FIRST)


def test_the_secrets_of_a_deleted_workflow_go_also_when_the_deletion_died() -> None:
    site = Site()
    site.publish(person(), workflow_text(triggers="  - name: hook\n    webhook: true"))
    site.webhooks.rotate(person(), "report", "hook")
    kept = dict(site.hooks.rows)
    site.lifecycle.delete(person(), "report")
    site.hooks.rows.update(kept)
    site.tend_workflows()
    assert site.hooks.rows == {}


def test_two_tenants_know_nothing_of_each_other() -> None:
    site = Site()
    site.publish(person(ACME), FIRST)
    site.publish(person(OTHER), SECOND)
    assert site.machines.count() == 2
    site.lifecycle.delete(person(OTHER), "report")
    site.tend_workflows()
    whole(site, 1, FIRST)
    assert len(site.schedules.there) == 1
    with pytest.raises(NotFound):
        site.lifecycle.pause(person(OTHER), "report")


def test_tenants_and_workflows_with_hyphens_have_machines_of_their_own() -> None:
    site = Site()
    site.publish(person(TenantId("acme-eu")), workflow_text("report"))
    site.publish(person(TenantId("acme")), workflow_text("eu-report"))
    assert site.machines.count() == 2


def test_a_text_that_is_wrong_changes_nothing() -> None:
    site = Site()
    with pytest.raises(DefinitionInvalid):
        site.publish(person(), FIRST.replace("0 8", "99 8"))
    assert (site.workflows.rows, site.passed) == ({}, [])


def test_whoever_publishes_needs_the_role_of_each_action() -> None:
    site = Site()
    text = workflow_text() + "  - id: ask\n    action: http.get\n    with: {url: 'https://a.example/'}\n"

    def action(name: str) -> Action:
        return replace(site.publish.action(name), role=Role.OPERATOR)

    publish = replace(site.publish, action=action)
    with pytest.raises(Forbidden):
        publish(person(ACME, "eve", Role.ANALYST), text)
    assert publish(person(ACME, "ann", Role.OPERATOR), text).version == 1


def test_unused_versions_are_collected_and_made_again_when_a_run_needs_one() -> None:
    site = Site()
    text = "  - name: hand\n    manual: true"
    for seconds in range(1, 9):
        site.publish(person(), workflow_text(triggers=text, seconds=seconds))
    old = site.versions.get(ACME, "report", 1)
    assert old is not None
    assert old.machine is not None
    site.clock.advance(timedelta(days=31))
    site.tend_workflows()
    assert kept(site) == [4, 5, 6, 7, 8]
    assert not site.machines.knows(old.machine)
    # A run of the old version (a retry) is asked for.
    run = site.start(person(), "report", {}, "k")
    site.runs.rows[ACME, run.id] = replace(site.runs.rows[ACME, run.id], version=1)
    site.queue.drain(ACME, "report")
    assert site.executions.started == [run.id]
    again = site.versions.get(ACME, "report", 1)
    assert again is not None
    assert again.machine is not None
    assert site.machines.asl[again.machine] == (1, old.asl)


BY_HAND = "  - name: hand\n    manual: true"


def with_an_old_run(site: Site) -> str:
    """Eight versions, all long ago, and a run of the first one that goes on."""
    site.publish(person(), workflow_text(triggers=BY_HAND))
    run = site.start(person(), "report", {}, "k")
    site.queue.drain(ACME, "report")
    row = site.runs.rows[ACME, run.id]
    site.runs.change(ACME, row, replace(row, status=RunStatus.RUNNING))
    for seconds in range(2, 9):
        site.publish(person(), workflow_text(triggers=BY_HAND, seconds=seconds))
    site.clock.advance(timedelta(days=31))
    return run.id


def kept(site: Site) -> list[int]:
    return [number for number, (_, machine) in site.versions.numbers(ACME, "report").items() if machine]


def test_a_version_with_a_run_that_goes_on_is_not_collected() -> None:
    site = Site()
    run = with_an_old_run(site)
    site.tend_workflows()
    assert kept(site) == [1, 4, 5, 6, 7, 8]
    site.finish(run)
    site.tend_workflows()
    assert kept(site) == [4, 5, 6, 7, 8]


def test_a_run_whose_version_was_collected_goes_on() -> None:
    site = Site()
    run = with_an_old_run(site)
    site.versions.retire(ACME, "report", 1)
    site.tend_runs()
    assert site.runs.rows[ACME, run].status is RunStatus.RUNNING
    site.executions.running[run] = "TIMED_OUT"
    site.tend_runs()
    assert site.runs.rows[ACME, run].status is RunStatus.TIMED_OUT


def test_a_machines_version_that_no_row_names_is_collected_after_a_day() -> None:
    site = Site()
    site.publish(person(), FIRST)
    stray = site.machines.publish(ACME, "report", 9, "left by a publication that died")
    site.tend_workflows()
    assert site.machines.knows(stray)
    site.clock.advance(timedelta(days=2))
    site.tend_workflows()
    assert not site.machines.knows(stray)
    whole(site, 1, FIRST)


def test_one_bad_workflow_holds_up_no_other() -> None:
    site = Site()
    site.publish(person(), FIRST)
    site.publish(person(), FIRST.replace("id: report", "id: second"))
    stray = site.machines.publish(ACME, "second", 9, "left by a publication that died")
    site.clock.advance(timedelta(days=2))
    site.machines.failing["report"] = ValueError("?")
    site.tend_workflows()
    assert not site.machines.knows(stray)


def test_the_versions_of_a_machine_that_was_removed_are_none_of_the_next_ones() -> None:
    site = Site()
    site.publish(person(), workflow_text(triggers=BY_HAND))
    old = site.start(person(), "report", {}, "k")
    site.queue.drain(ACME, "report")
    site.finish(old.id)
    site.lifecycle.delete(person(), "report")
    site.tend_workflows()
    site.machines.made = 0  # a new machine counts its versions anew
    site.publish(person(), workflow_text(triggers=BY_HAND, seconds=2))
    assert kept(site) == [2]
    # A run of the first version (a retry) is asked for.
    run = site.start(person(), "report", {}, "again")
    site.runs.rows[ACME, run.id] = replace(site.runs.rows[ACME, run.id], version=1)
    site.queue.drain(ACME, "report")
    first = site.versions.get(ACME, "report", 1)
    assert first is not None
    assert first.machine is not None
    assert site.machines.asl[first.machine] == (1, first.asl)
    assert site.executions.by[run.id] == first.machine
