"""Events against triggers: which runs they ask for, once each."""

from datetime import timedelta
from typing import Any

import pytest

from services.workflow.application.match import KnownTriggers, MatchEvents
from services.workflow.application.requesting import MOST_DEPTH
from services.workflow.domain.run import RunStatus
from services.workflow.domain.workflow import GlobalTrigger
from services.workflow.events import RunFinished, RunRequested
from shared.events import Envelope
from tests.fakes.workflow_start import ACME, INPUTS, OTHER, START, Site, event, person, workflow_text

BILLS = """  - name: bills
    event: BillIngested.v1
    pattern: {format: [cur2], rows: [{numeric: [">", 0]}]}
    when: event.billing_period != '2026-01'
    inputs: {bill: "${event.bill_id}", rows: "${event.rows}"}"""
REPORT = workflow_text(triggers=BILLS, more=INPUTS)


def asked(site: Site) -> list[RunRequested]:
    return [RunRequested.model_validate(each.data) for each in site.requests.sent.values()]


def test_an_event_asks_for_a_run() -> None:
    site = Site()
    site.publish(person(), REPORT)
    (run,) = site.match([event()])
    (request,) = asked(site)
    assert request.run_id == run
    assert (request.workflow, request.workflow_version, request.trigger) == ("report", 1, "bills")
    assert (request.cause, request.requested_by, request.depth) == ("e-1", "ann", 0)
    assert request.inputs == {"bill": "aws.2026-10", "rows": 3, "size": "big"}
    assert request.event == event().data


@pytest.mark.parametrize("data", [{"format": "cur"}, {"rows": 0}, {"billing_period": "2026-01"}])
def test_one_that_does_not_match_asks_for_none(data: dict[str, Any]) -> None:
    site = Site()
    site.publish(person(), REPORT)
    assert site.match([event(**data)]) == []
    assert site.all_runs() == []


def test_a_batch_is_one_write_and_a_duplicate_is_the_same_run() -> None:
    site = Site()
    site.publish(person(), REPORT)
    match = site.match
    match([event(f"e-{at}") for at in range(10)])
    assert site.requests.writes == 1
    match([event(f"e-{at}") for at in reversed(range(10))])
    assert len(asked(site)) == 10


def test_another_tenants_event_is_not_seen() -> None:
    site = Site()
    site.publish(person(ACME), REPORT)
    assert site.match([event(tenant=OTHER)]) == []
    site.publish(person(OTHER), REPORT)
    both = site.match([event(tenant=OTHER), event(tenant=ACME)])
    assert len(set(both)) == 2
    assert {(each.tenant, each.run_id) for each in asked(site)} == {(OTHER, both[0]), (ACME, both[1])}


def test_a_warm_matcher_reads_again_when_something_was_published_or_paused() -> None:
    site = Site()
    site.publish(person(), REPORT)
    match = site.match
    match([event("e-1")])
    match([event("e-2")])
    assert site.triggers.reads == 1
    site.lifecycle.pause(person(), "report")
    assert match([event("e-3")]) == []
    assert site.triggers.reads == 2
    site.lifecycle.resume(person(), "report")
    assert len(match([event("e-4")])) == 1
    site.lifecycle.delete(person(), "report")
    assert match([event("e-5")]) == []


def test_a_global_trigger_fires_for_every_tenant_that_has_the_workflow() -> None:
    site = Site()
    site.publish(person(ACME), workflow_text(more=INPUTS))
    match = site.match
    site.globals.put(
        GlobalTrigger(
            "restated", "BillIngested.v1", "report", {"format": ["cur2"]}, {"bill": "${event.bill_id}"}
        )
    )
    assert len(match([event(tenant=ACME), event(tenant=OTHER)])) == 1
    (request,) = asked(site)
    assert (request.tenant, request.trigger) == (ACME, "global:restated")
    site.globals.remove("restated")
    assert match([event("e-2")]) == []


def test_inputs_that_do_not_fit_are_a_refused_run_that_is_told_of_once() -> None:
    site = Site()
    site.publish(person(), REPORT)
    for _ in range(2):
        assert site.match([event(bill_id=7)]) == []
    (run,) = site.all_runs()
    assert run.status is RunStatus.REFUSED
    assert run.failure is not None
    assert run.failure.code == "INPUTS_INVALID"
    assert "'bill'" in run.failure.message
    (told,) = site.bus.of(RunFinished)
    assert (told.status, told.failure_code) == ("refused", "INPUTS_INVALID")


def test_a_condition_that_cannot_be_evaluated_is_a_refused_run() -> None:
    site = Site()
    site.publish(
        person(),
        workflow_text(
            triggers=BILLS.replace("event.billing_period != '2026-01'", "abs(event.format) > `1`"),
            more=INPUTS,
        ),
    )
    assert site.match([event()]) == []
    (run,) = site.all_runs()
    assert run.failure is not None
    assert run.failure.code == "EXPRESSION_TYPE"


def test_an_event_that_is_too_large_to_pass_on_is_a_refused_run() -> None:
    site = Site()
    site.publish(person(), REPORT.replace('rows: "${event.rows}"', 'size: "${event.note}"'))
    assert site.match([event(note="x" * 200_000)]) == []
    (run,) = site.all_runs()
    assert run.failure is not None
    assert run.failure.code == "EVENT_TOO_LARGE"


FINISHED = """  - name: after
    event: RunFinished.v1
    pattern: {workflow: [first]}"""


def test_a_chain_of_runs_is_bounded() -> None:
    site = Site()
    site.publish(person(), workflow_text("second", triggers=FINISHED))
    cause = "0" * 32
    for depth in range(MOST_DEPTH + 2):
        told = RunFinished(
            tenant=ACME,
            workflow="first",
            run_id=f"r-{cause}",
            workflow_version=1,
            status="succeeded",
            ended_at=START,
        )
        env = Envelope(
            id=f"e-{depth}",
            source=told.source,
            type=told.detail_type(),
            time=START + timedelta(seconds=depth),
            dataschema="urn:x",
            tenantid=ACME,
            data=told.model_dump(mode="json"),
        )
        found = site.match([env])
        site.pump()
        if depth >= MOST_DEPTH:
            assert found == []
            continue
        run = site.runs.get(ACME, found[0])
        assert run is not None
        assert run.depth == depth + 1
        cause = run.id.removeprefix("r-")
    refused = [run for run in site.all_runs() if run.status is RunStatus.REFUSED]
    assert [run.failure.code for run in refused if run.failure][:1] == ["RUN_CHAIN_TOO_LONG"]


def test_two_that_start_each_other_come_to_an_end() -> None:
    site = Site()
    for name, other in (("first", "second"), ("second", "first")):
        site.publish(person(), workflow_text(name, triggers=FINISHED.replace("[first]", f"[{other}]")))
    told, seen = [finished_of("first", "r-" + "0" * 32)], 0
    while seen < len(told) < 50:
        site.match([told[seen]])
        seen += 1
        site.pump()
        for run in site.all_runs():
            if run.status is RunStatus.STARTING:
                site.finish(run.id)
        known = {each.data["run_id"] for each in told}
        told += [finished_of(run.workflow, run.id) for run in site.all_runs() if run.id not in known]
    runs = site.all_runs()
    assert len(runs) == MOST_DEPTH + 1
    assert [run.status for run in runs if run.depth > MOST_DEPTH] == [RunStatus.REFUSED], "told of once"


def finished_of(workflow: str, run: str) -> Envelope:
    told = RunFinished(
        tenant=ACME, workflow=workflow, run_id=run, workflow_version=1, status="succeeded", ended_at=START
    )
    return Envelope(
        id=f"end of {run}",
        source=told.source,
        type=told.detail_type(),
        time=START,
        dataschema="urn:x",
        tenantid=ACME,
        data=told.model_dump(mode="json"),
    )


def test_the_correlation_id_tells_of_the_run_behind_another_services_event() -> None:
    site = Site()
    site.publish(person(), REPORT)
    site.match([event("e-1")])
    site.pump()
    (run,) = site.all_runs()
    site.match([event("e-2").model_copy(update={"correlationid": run.id})])
    assert [each.depth for each in asked(site)] == [0, 1]


def test_known_triggers_are_those_of_their_generation() -> None:
    site = Site()
    known = KnownTriggers(site.triggers, site.globals)
    assert known.of(ACME).sets == {}
    site.publish(person(), REPORT)
    assert set(known.of(ACME).sets) == {"report"}
    assert MatchEvents(known, site.runs, site.requesting)([]) == []
