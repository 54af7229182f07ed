"""Workflows on the platform, from the YAML to the audit: publish, run every kind of step, stop, retry."""

import json
import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import killing
from tests.e2e.conftest import Platform, wait_for
from tests.e2e.samples import focus_bill
from tests.e2e.workflow_tenant import RECONCILE, Receiver, WorkflowTenant, receiving

TENANT = "flows"
MANUAL = "triggers: [{name: by-hand, manual: true}]"
EVERY_KIND = """
id: every-kind
title: Every kind of step
inputs:
  least: {type: decimal, default: "2"}
triggers: [{name: by-hand, manual: true}]
steps:
  - id: costs
    action: query.run
    with:
      sql: SELECT ServiceName AS service, sum(BilledCost) AS cost FROM charges GROUP BY 1 ORDER BY 1
  - id: each
    for_each: steps.costs.output.rows
    concurrency: 2
    steps:
      - id: tell
        action: http.send
        with: {url: "URL/each", body: {row: "${item}", n: "${index}"}}
  - id: both
    parallel:
      - steps: [{id: pause, wait: 1s}]
      - steps: [{id: aside, action: set, with: {service: "${steps.costs.output.rows[0].service}"}}]
  - id: which
    choice:
      - when: sum(steps.costs.output.rows[*].decimal(cost)) > decimal(inputs.least)
        steps: [{id: much, action: set, with: {much: true}}]
    otherwise: [{id: little, action: set, with: {much: false}}]
  - id: sign
    approval:
      message: Is ${sum(steps.costs.output.rows[*].decimal(cost))} right?
      roles: [approver]
      subjects: ["SUBJECT"]
      count: 2
      expires: 1h
  - {id: never, when: steps.which.output.branch == `-1`, action: set, with: {}}
outputs:
  total: ${sum(steps.costs.output.rows[*].decimal(cost))}
  signed: ${length(steps.sign.output.decisions)}
"""
WAITS = f"""
id: waits
title: Waits for somebody
{MANUAL}
steps:
  - {{id: text, action: set, with: {{says: VERSION}}}}
  - {{id: ask, approval: {{message: "VERSION?", roles: [approver], expires: 1h}}}}
  - {{id: after, action: set, with: {{says: "VERSION, ${{steps.text.output.says}}"}}}}
outputs: {{says: "${{steps.after.output.says}}"}}
"""
SEND = """
  - id: NAME
    action: http.send
    with: {url: "URL/NAME", idempotent: true}
    retry: {attempts: 2, delay: 1s}
"""


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving() as one:
        yield one


@pytest.fixture(scope="module")
def site(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> WorkflowTenant:
    """A tenant with one bill of two services."""
    assert platform.onyx("tenant", "create", TENANT).returncode == 0
    folder = tmp_path_factory.mktemp("flows")
    for service, costs in (("Compute", ["1.25", "0.000000000000000001"]), ("Object Storage", ["2.5"])):
        path = focus_bill(folder, costs, name=f"{service}.csv", account=service, service=service)
        platform.rows("ingest", str(path), "--tenant", TENANT, "--source", service.split()[0].lower())
    return WorkflowTenant(platform, TENANT)


@pytest.fixture(scope="module")
def left_waiting(site: WorkflowTenant) -> str:
    """A run that waits for somebody, from early on: the last test restarts the emulator below it."""
    site.publish(WAITS.replace("id: waits", "id: left").replace("VERSION", "one"))
    return site.start("left")


def test_every_kind_of_step_with_two_people(
    site: WorkflowTenant, receiver: Receiver, left_waiting: str, tmp_path: Path
) -> None:
    file = tmp_path / "every-kind.yaml"
    file.write_text(EVERY_KIND.replace("URL", receiver.url).replace("SUBJECT", site.subject("operator")))
    for version, status in ((1, "published"), (1, "unchanged")):
        (row,) = site.platform.rows("workflow", "apply", str(file), "--tenant", TENANT)
        assert (row["version"], row["status"]) == (version, status)
    run = site.start("every-kind", "admin")

    approval = site.approval(run)
    assert approval["message"] == "Is 3.750000000000000001 right?"
    decision = f"/approvals/{approval['approval']}/decision"
    for role, code in (("admin", "SELF_APPROVAL"), ("viewer", "APPROVAL_NOT_YOURS")):
        assert site.refused("POST", decision, role, approve=True) == (403, code)
    assert site.decide(approval["approval"], "approver")["status"] == "open"
    assert site.decide(approval["approval"], "approver")["decided"] == 1, "once per person"
    assert site.refused("POST", decision, "approver", approve=False) == (409, "ALREADY_DECIDED")
    assert site.decide(approval["approval"], "operator")["status"] == "approved"

    assert site.ended(run, "succeeded")["outputs"] == {"total": "3.750000000000000001", "signed": 2}
    steps = site.steps(run)
    assert steps["costs"]["output"]["rows"] == [
        {"service": "Compute", "cost": "1.250000000000000001"},
        {"service": "Object Storage", "cost": "2.5"},
    ]
    assert steps["aside"]["output"] == {"service": "Compute"}
    assert (steps["much"]["output"], "little" in steps) == ({"much": True}, False)
    assert (steps["never"]["status"], steps["never"]["output"]) == ("skipped", None)
    sent = sorted(receiver.bodies["/each"], key=lambda body: int(body["n"]))
    assert [body["row"]["service"] for body in sent] == ["Compute", "Object Storage"]
    assert set(receiver.keys["/each"].values()) == {1}
    wait_for(lambda: "run.finished" in site.acts(run), "the audit to be sealed")
    assert site.acts(run).count("approval.decision") == 2


def test_what_the_commands_print(site: WorkflowTenant, tmp_path: Path) -> None:
    """The same definition and run, by `onyx workflow`."""
    onyx = site.platform.onyx
    (newest, *_) = site.runs("every-kind")
    logs = onyx("workflow", "logs", newest["run"], "--tenant", TENANT)
    assert "tell" in logs.stdout
    assert f"{newest['run']} is succeeded" in logs.stderr
    audit = onyx("workflow", "audit", newest["run"], "--tenant", TENANT)
    assert audit.stderr.startswith("verified: ")
    asl = json.loads(onyx("workflow", "export-asl", "every-kind", "--tenant", TENANT).stdout)
    assert asl["TimeoutSeconds"] == 86_400
    assert {"costs", "each", "sign", "which"} <= set(asl["States"])
    shown = onyx("workflow", "show", "every-kind", "--tenant", TENANT).stdout
    file = tmp_path / "shown.yaml"
    file.write_text(shown)
    stub = json.dumps(
        {"rows": [{"service": "s", "cost": "1"}], "columns": [], "row_count": 1, "truncated": False}
    )
    dry = onyx("workflow", "dry-run", str(file), "--stub", f"costs={stub}", "--tenant", TENANT)
    assert dry.returncode == 0, dry.stderr
    assert "the run would be succeeded" in dry.stderr
    assert "little" in dry.stdout
    file.write_text(shown.replace("steps.costs.output.rows\n", "steps.cost.output.rows\n"))
    wrong = onyx("workflow", "check", str(file), "--tenant", TENANT)
    assert (wrong.returncode, "UNKNOWN_STEP" in wrong.stdout) == (1, True)


def test_runs_stay_with_their_version(site: WorkflowTenant) -> None:
    for version in ("one", "two"):
        site.publish(WAITS.replace("VERSION", version))
        if version == "one":
            first = site.start("waits")
            site.approval(first)
    second = site.start("waits")
    for run in (first, second):
        approval = site.approval(run)["approval"]
        site.decide(approval, "approver")
    assert site.ended(first, "succeeded")["outputs"] == {"says": "one, one"}
    assert site.ended(second, "succeeded")["outputs"] == {"says": "two, two"}


def test_a_retry_does_nothing_twice(site: WorkflowTenant, receiver: Receiver) -> None:
    steps = "".join(SEND.replace("URL", receiver.url).replace("NAME", name) for name in ("first", "second"))
    site.publish(f"id: fails\ntitle: Fails in the middle\n{MANUAL}\nsteps:\n{steps}")
    receiver.broken.add("/second")
    run = site.start("fails")
    found = site.ended(run, "failed")
    assert (found["failure"]["code"], found["failure"]["step"]) == ("HTTP_500", "second")
    assert site.steps(run)["second"]["attempt"] == 2
    receiver.broken.clear()
    retried = str(site.ask("POST", f"/runs/{run}/retry")["run"])
    assert site.ended(retried, "succeeded")["retry_of"] == run
    assert list(receiver.keys["/first"].values()) == [1]
    assert list(receiver.keys["/second"].values()) == [1]
    before, after = site.steps(run), site.steps(retried)
    assert after["first"]["carried_from"] == run
    assert [before[each]["effect_key"] for each in before] == [after[each]["effect_key"] for each in after]
    assert site.refused("POST", f"/runs/{run}/retry") == (409, "RUN_RETRIED")


def test_a_cancelled_run_cleans_up(site: WorkflowTenant, receiver: Receiver) -> None:
    site.publish(
        f"""
id: stopped
title: Is stopped
{MANUAL}
steps:
  - {{id: first, wait: 1h}}
  - {{id: never, action: set, with: {{}}}}
on_failure:
{SEND.replace("URL", receiver.url).replace("NAME", "clean")}
"""
    )
    run = site.start("stopped")
    wait_for(lambda: "first" in site.steps(run), "its first step")
    done = site.platform.onyx("workflow", "cancel", run, "--wait", "--tenant", TENANT)
    assert done.returncode == 0, done.stderr
    found = site.ended(run, "cancelled")
    assert found["cancelled_by"]
    assert set(site.steps(run)) == {"first", "clean"}
    assert len(receiver.bodies["/clean"]) == 1
    assert site.refused("POST", f"/runs/{run}/cancel") == (409, "RUN_ENDED")


@pytest.mark.parametrize("on_limit", ["delay", "refuse"])
def test_one_at_once(site: WorkflowTenant, on_limit: str) -> None:
    limits = f"limits: {{concurrency: 1, on_limit: {on_limit}}}"
    site.publish(WAITS.replace("id: waits", f"id: one-{on_limit}\n{limits}").replace("VERSION", "v"))
    first = site.start(f"one-{on_limit}")
    approval = site.approval(first)["approval"]
    second = site.start(f"one-{on_limit}")
    if on_limit == "refuse":
        assert site.ended(second, "refused")["failure"]["code"]
    site.decide(approval, "approver")
    site.ended(first, "succeeded")
    if on_limit == "delay":
        assert (
            not site.run(second)["started_at"] or site.run(second)["started_at"] > site.run(first)["ended_at"]
        )
        site.decide(site.approval(second)["approval"], "approver")
        site.ended(second, "succeeded")


def test_paused_and_deleted(site: WorkflowTenant) -> None:
    site.publish(f"id: gone\ntitle: Goes\n{MANUAL}\nsteps: [{{id: one, action: set, with: {{}}}}]\n")
    assert site.ask("POST", "/gone/pause")["state"] == "paused"
    assert site.refused("POST", "/gone/runs", inputs={}) == (409, "WORKFLOW_PAUSED")
    assert site.ask("POST", "/gone/resume")["state"] == "active"
    run = site.start("gone")
    site.ended(run, "succeeded")
    assert site.ask("DELETE", "/gone")["state"] == "deleted"
    assert site.refused("POST", "/gone/runs", inputs={})[0] == 404
    for method, path in (("GET", ""), ("GET", "/asl"), ("POST", "/resume"), ("DELETE", "")):
        assert site.refused(method, f"/gone{path}")[0] == 404
    assert site.run(run)["status"] == "succeeded", "what ran stays on record"
    assert "gone" not in {row["workflow"] for row in site.ask("GET", "")["rows"]}


def test_a_changed_audit_is_found(site: WorkflowTenant) -> None:
    run = next(row["run"] for row in site.runs("waits"))
    partition = f"TENANT#{TENANT}#AUDIT#{run}"
    table = site.platform.output("workflow", "AuditTable")
    rows = killing.rows(site.platform, "workflow", "Audit", partition)
    second = next(row for row in rows if row["sk"]["S"].startswith("ENTRY#") and row["seq"]["N"] == "2")
    dynamodb = site.platform.client("dynamodb")
    dynamodb.put_item(TableName=table, Item=second | {"by": {"S": "somebody-else"}})
    assert site.ask("GET", f"/runs/{run}/audit")["broken_at"] == 2
    done = site.platform.onyx("workflow", "audit", run, "--tenant", TENANT)
    assert (done.returncode, "broken at entry 2" in done.stderr) == (1, True)
    dynamodb.put_item(TableName=table, Item=second)
    assert site.ask("GET", f"/runs/{run}/audit")["verified"]


def test_a_restart_leaves_nothing_behind(site: WorkflowTenant, left_waiting: str) -> None:
    """The emulator's executions end with it, unheard: the run ends too. Events go on within seconds."""
    site.publish(
        """
id: heard
title: Hears of an invoice
triggers: [{name: entered, event: InvoiceEntered.v1, inputs: {total: "${event.total}"}}]
inputs: {total: {type: decimal}}
steps: [{id: one, action: set, with: {total: "${inputs.total}"}}]
outputs: {total: "${steps.one.output.total}"}
"""
    )
    wait_for(lambda: is_settled(site.run(left_waiting)), "a minute since the run began", 70)
    restart(site.platform)
    entered = {"billing_account": "a", "billing_period": "2026-09", "currency": "USD", "total": "12.50"}
    answer = site.platform.http("PUT", "/v1/cost-center/invoices/1", site.token("admin"), json=entered)
    assert answer.status_code == 201, answer.text
    (run,) = wait_for(lambda: site.runs("heard"), "the run of the event", 30)
    assert site.ended(run["run"], "succeeded", 30)["outputs"] == {"total": "12.5"}

    reconcile = killing.function(site.platform, "workflow", RECONCILE)
    killing.invoke(site.platform, reconcile, {})
    assert site.ended(left_waiting, "failed", 10)["failure"]["code"] == "EXECUTION_FAILED"
    # What waited for people is withdrawn when the run's end is heard of.
    wait_for(
        lambda: left_waiting not in {row["run"] for row in site.ask("GET", "/approvals")["rows"]},
        "the withdrawal of its approval",
        30,
    )
    again = str(site.ask("POST", f"/runs/{left_waiting}/retry")["run"])
    site.decide(site.approval(again)["approval"], "approver")
    assert site.ended(again, "succeeded")["outputs"] == {"says": "one, one"}


def is_settled(run: dict[str, Any]) -> bool:
    began = datetime.fromisoformat(run["started_at"])
    return datetime.now(UTC) - began > timedelta(seconds=61)


def restart(platform: Platform) -> None:
    """The emulator dies, and its supervisor starts it again from its last snapshot."""
    platform.http("POST", "/_onyx/snapshot")
    before = killing.process(platform, "emulator")["pid"]
    os.kill(before, signal.SIGKILL)

    def back() -> bool:
        row = killing.process(platform, "emulator")
        return row.get("pid") not in (None, before) and row.get("health") == "healthy"

    wait_for(back, "the emulator to be back")
