"""What starts workflows: events, signed posts, schedules in their zone, people with a key."""

import json
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.workflow.application.webhooks import sign
from services.workflow.events import CronDue
from shared.events import envelope, to_entry
from shared.tenancy import TenantId
from tests.e2e.conftest import Platform, wait_for
from tests.e2e.samples import focus_bill
from tests.e2e.workflow_tenant import WorkflowTenant

TENANT = "triggers"
TRIGGERS = """
id: started
title: Is started
inputs:
  what: {type: string, required: true}
triggers:
  - name: ingested
    event: BillIngested.v1
    pattern: {source: [watched]}
    when: event.billing_period == '2026-09'
    inputs: {what: "${event.bill_id}"}
  - name: hook
    webhook: true
    when: event.kind == 'budget'
    inputs: {what: "${event.amount}"}
  - {name: winter, cron: "30 2 1 1 ? 2099", timezone: Europe/Lisbon, inputs: {what: "${event.scheduled_at}"}}
  - {name: by-hand, manual: true}
steps: [{id: one, action: set, with: {what: "${inputs.what}"}}]
outputs: {what: "${steps.one.output.what}"}
"""
EVERY_MINUTE = """
id: minutes
title: Every minute
triggers: [{name: tick, cron: "* * * * ? *", timezone: Asia/Kolkata}]
steps: [{id: one, action: set, with: {at: "${event.scheduled_at}"}}]
outputs: {at: "${steps.one.output.at}"}
"""


@pytest.fixture(scope="module")
def site(platform: Platform) -> WorkflowTenant:
    assert platform.onyx("tenant", "create", TENANT).returncode == 0
    return WorkflowTenant(platform, TENANT)


@pytest.fixture(scope="module")
def hook(site: WorkflowTenant) -> dict[str, Any]:
    """The webhook of `started`, with its secret; the schedule of `minutes` begins too."""
    site.publish(EVERY_MINUTE)
    (made,) = site.publish(TRIGGERS)["hooks"]
    assert made["secret"].startswith("whsec_")
    (again,) = site.publish(TRIGGERS)["hooks"]
    assert again == {**made, "secret": None}, "a secret is shown once"
    return dict(made)


def of_trigger(site: WorkflowTenant, trigger: str) -> list[dict[str, Any]]:
    return [row for row in site.runs("started") if row["trigger"] == trigger]


def test_an_event_starts_what_matches_it(site: WorkflowTenant, hook: dict[str, Any], tmp_path: Path) -> None:
    for source, month in (("other", "2026-09"), ("watched", "2026-08"), ("watched", "2026-09")):
        file = focus_bill(tmp_path, ["1"], name=f"{source}-{month}.csv", account=source, month=month)
        site.platform.rows("ingest", str(file), "--tenant", TENANT, "--source", source)
    (run,) = wait_for(lambda: of_trigger(site, "ingested"), "the event's run")
    assert site.ended(run["run"], "succeeded")["outputs"] == {"what": "watched.2026-09"}
    assert run["started_by"] == site.subject("admin"), "who published it"


def post(
    site: WorkflowTenant, path: str, secret: str, body: bytes, *, id: str = "", at: float | None = None
) -> httpx.Response:
    id, moment = id or uuid.uuid4().hex, str(int(time.time() if at is None else at))
    headers = {
        "webhook-id": id,
        "webhook-timestamp": moment,
        "webhook-signature": sign(secret, id, moment, body),
        "content-type": "application/json",
    }
    return httpx.post(site.platform.url + path, content=body, headers=headers, timeout=60)


def test_a_signed_post_starts_a_run_once(site: WorkflowTenant, hook: dict[str, Any]) -> None:
    path, secret = str(hook["path"]), str(hook["secret"])
    body = json.dumps({"kind": "budget", "amount": 12.10}).encode()
    first = post(site, path, secret, body, id="once")
    assert first.status_code == 202, first.text
    (run,) = first.json()["runs"]
    assert post(site, path, secret, body, id="once").json()["runs"] == [run]
    wait_for(lambda: of_trigger(site, "hook"), "the run that was asked for")
    assert site.ended(run, "succeeded")["outputs"] == {"what": "12.1"}
    assert post(site, path, secret, b'{"kind": "other"}').json()["runs"] == []

    nobodys = path[:-4] + "aaaa"
    others = "whsec_" + "A" * 44
    refused = [
        post(site, path, others, body),
        post(site, nobodys, secret, body),
        post(site, path, secret, body, at=time.time() - 600),
        httpx.post(site.platform.url + path, content=body, timeout=60),
    ]
    assert {(each.status_code, each.json()["code"]) for each in refused} == {(401, "WEBHOOK_REFUSED")}
    told = {json.dumps({**each.json(), "instance": "", "request_id": ""}) for each in refused}
    assert len(told) == 1, "whoever cannot sign learns nothing"
    assert len(of_trigger(site, "hook")) == 1


def test_a_rotated_secret_and_the_one_before_are_good(site: WorkflowTenant, hook: dict[str, Any]) -> None:
    done = site.platform.onyx("workflow", "hook", "rotate", "started", "hook", "--tenant", TENANT)
    newest = done.stdout.strip()
    assert newest.startswith("whsec_"), done.stderr
    for secret in (newest, str(hook["secret"])):
        assert post(site, str(hook["path"]), secret, b'{"kind": "other"}').status_code == 202


def test_the_same_key_is_the_same_run(site: WorkflowTenant, hook: dict[str, Any]) -> None:
    run = site.start("started", key="k", what="by hand")
    assert site.start("started", key="k", what="by hand") == run
    other = {"what": "else"}
    assert site.refused("POST", "/started/runs", inputs=other, key="k") == (409, "KEY_REUSED")
    assert site.refused("POST", "/started/runs", inputs={}) == (422, "INPUTS_INVALID")
    assert site.ended(run, "succeeded")["started_by"] == site.subject("operator")


def test_a_due_time_is_one_run(site: WorkflowTenant, hook: dict[str, Any]) -> None:
    """As Scheduler says it, twice."""
    at = datetime.now(UTC)
    due = CronDue(tenant=TENANT, workflow="started", trigger="winter", scheduled_at=at)
    env = envelope(due, tenant=TenantId(TENANT), id=uuid.uuid4().hex, time=at)
    bus = site.platform.output("platform", "BusName")
    for _ in range(2):
        site.platform.client("events").put_events(Entries=[to_entry(env, bus)])
    (run,) = wait_for(lambda: of_trigger(site, "winter"), "the run of its time", 120)
    found = site.ended(run["run"], "succeeded")["outputs"]["what"]
    assert datetime.fromisoformat(found) == at


def test_schedules_are_in_their_zone_and_fire(site: WorkflowTenant, hook: dict[str, Any]) -> None:
    scheduler = site.platform.client("scheduler")
    rows = scheduler.list_schedules(NamePrefix=TENANT)["Schedules"]
    made = [scheduler.get_schedule(Name=row["Name"], GroupName=row["GroupName"]) for row in rows]
    assert {(each["ScheduleExpression"], each["ScheduleExpressionTimezone"]) for each in made} == {
        ("cron(30 2 1 1 ? 2099)", "Europe/Lisbon"),
        ("cron(* * * * ? *)", "Asia/Kolkata"),
    }
    (run, *_) = wait_for(lambda: site.runs("minutes"), "the next full minute", 90)
    found = site.ended(run["run"], "succeeded")
    at = datetime.fromisoformat(found["outputs"]["at"])
    assert (at.second, at.microsecond) == (0, 0)
    site.ask("DELETE", "/minutes")
    wait_for(
        lambda: len(scheduler.list_schedules(NamePrefix=TENANT)["Schedules"]) == 1, "its schedule to be gone"
    )
