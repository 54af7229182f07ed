"""What users and operators do with workflows on an ordinary day."""

import uuid
from datetime import UTC, datetime

import httpx

from services.workflow.application.webhooks import sign
from services.workflow.events import CronDue
from shared.events import envelope, to_entry
from shared.tenancy import TenantId
from tests.e2e.conftest import wait_for
from tests.e2e.workflow_tenant import Receiver, WorkflowTenant, receiving

MANUAL = "triggers: [{name: by-hand, manual: true}]"
STARTED = """
id: started
title: What can start it
limits: {concurrency: 1}
triggers:
  - {name: invoice, event: InvoiceEntered.v1}
  - {name: yearly, cron: "0 0 1 1 ? 2099"}
  - {name: hook, webhook: true}
  - {name: by-hand, manual: true}
steps: [{id: one, action: set, with: {n: 1}}]
"""
STEPS = """
id: steps
title: What it does
inputs: {text: {type: string}}
MANUAL
steps:
  - {id: rows, action: query.run, with: {sql: SELECT count(*) AS n FROM charges}}
  - {id: large, action: set, with: {text: "${inputs.text}"}}
  - {id: size, action: set, with: {size: "${length(steps.large.output.text)}"}}
  - {id: tell, action: notify, with: {channel: ops, subject: "${steps.rows.output.rows[0].n} charges"}}
  - {id: shown, action: http.get, credential: key, with: {url: "URL/shown"}}
  - {id: sign, approval: {message: "Go on?", roles: [approver], expires: 1h}}
  - {id: lost, action: http.send, with: {url: "URL/lost"}}
"""
STOPS = """
id: NAME
title: Is stopped
MANUAL
steps: [{id: sign, approval: {message: "Go on?", roles: [approver], expires: 1h}}]
"""


def workflows(site: WorkflowTenant) -> None:
    with receiving() as receiver:
        settings(site, receiver)
        triggers(site)
        steps(site, receiver)
    stops(site)
    looks(site)
    everybodys(site)


def settings(site: WorkflowTenant, receiver: Receiver) -> None:
    """Each is made, replaced, taken away and made again."""
    place = receiver.url.removeprefix("http://")
    for path, body in (
        ("/channels/ops", {"kind": "webhook", "url": f"{receiver.url}/ops"}),
        ("/credentials/key", {"host": place, "headers": {"authorization": "Bearer secret"}}),
    ):
        for method in ("PUT", "PUT", "DELETE", "PUT"):
            site.ask(method, path, "admin", **(body if method == "PUT" else {}))


def triggers(site: WorkflowTenant) -> None:
    """An event, a schedule, a signed post and a person start one; it is paused, goes on, and is deleted."""
    site.publish(STARTED.replace("n: 1", "n: 0"))
    (hook,) = site.publish(STARTED)["hooks"]
    secret = site.ask("POST", "/started/hooks/hook/rotate", "admin")["secret"]
    invoice = {"billing_account": "a", "billing_period": "2026-09", "currency": "USD", "total": "1"}
    entered = site.platform.http("PUT", "/v1/cost-center/invoices/9", site.token("admin"), json=invoice)
    assert entered.status_code == 201, entered.text
    at = datetime.now(UTC)
    due = CronDue(tenant=site.tenant, workflow="started", trigger="yearly", scheduled_at=at)
    told = to_entry(
        envelope(due, tenant=TenantId(site.tenant), id=uuid.uuid4().hex, time=at),
        site.platform.output("platform", "BusName"),
    )
    site.platform.client("events").put_events(Entries=[told])
    moment = str(int(at.timestamp()))
    headers = {
        "webhook-id": "one",
        "webhook-timestamp": moment,
        "webhook-signature": sign(secret, "one", moment, b"{}"),
    }
    posted = httpx.post(site.platform.url + hook["path"], content=b"{}", headers=headers, timeout=60)
    assert posted.status_code == 202, posted.text
    site.start("started")

    def all_ran() -> bool:
        ran = [run["trigger"] for run in site.runs("started") if run["status"] == "succeeded"]
        return sorted(ran) == ["by-hand", "hook", "invoice", "yearly"]

    wait_for(all_ran, "a run of each trigger", 120)
    for act in ("pause", "resume"):
        site.ask("POST", f"/started/{act}")
    site.ask("DELETE", "/started")


def steps(site: WorkflowTenant, receiver: Receiver) -> None:
    """Every kind of action; an answer that is lost, what a person says of it, and a retry."""
    site.publish(STEPS.replace("MANUAL", MANUAL).replace("URL", receiver.url))
    receiver.broken.add("/lost")
    run = site.start("steps", text="x" * 90_000)
    site.decide(site.approval(run)["approval"], "approver")
    wait_for(lambda: site.steps(run).get("lost", {}).get("status") == "unknown", "the lost answer", 120)
    output = {"status": 200, "headers": {}, "body": "x" * 20_000}
    site.ask("POST", f"/runs/{run}/steps/lost/resolve", done=True, output=output)
    site.ended(run, "succeeded", 400)
    assert site.steps(run)["size"]["output"] == {"size": 90_000}
    again = site.ask("POST", f"/runs/{run}/retry", from_step="lost")["run"]
    wait_for(lambda: site.steps(again).get("lost", {}).get("status") == "unknown", "the lost answer", 120)
    site.ask("POST", f"/runs/{again}/cancel")
    site.ended(again, "cancelled")


def stops(site: WorkflowTenant) -> None:
    """With and without a clean-up."""
    clean = "on_failure: [{id: clean, action: set, with: {n: 1}}]\n"
    for name, more in (("stopped", ""), ("cleaned", clean)):
        site.publish(STOPS.replace("NAME", name).replace("MANUAL", MANUAL) + more)
        run = site.start(name)
        site.approval(run)
        site.ask("POST", f"/runs/{run}/cancel")
        site.ended(run, "cancelled")


def looks(site: WorkflowTenant) -> None:
    """Lists, page by page, and one of each."""
    source = STOPS.replace("NAME", "looked-at").replace("MANUAL", MANUAL)
    for path in ("/check", "/dry-run"):
        site.ask("POST", path, source=source)
    for path in ("", "/runs"):
        first = site.ask("GET", f"{path}?limit=1")
        site.ask("GET", f"{path}?limit=1&cursor={first['cursor']}")
    run = site.runs("steps")[0]["run"]
    reads = ("/steps", "/steps/versions", "/steps/asl", "/actions", "/templates", "/channels", "/approvals")
    for path in (*reads, f"/runs/{run}", f"/runs/{run}/steps", f"/runs/{run}/audit"):
        site.ask("GET", path)


def everybodys(site: WorkflowTenant) -> None:
    """The operator's trigger for all tenants is set, replaced, listed and deleted."""
    onyx = ("workflow", "global-trigger")
    setting = (*onyx, "set", "bills", "--event", "BillIngested.v1", "--workflow", "stopped")
    for arguments in (setting, setting, (*onyx, "list"), (*onyx, "delete", "bills")):
        done = site.platform.onyx(*arguments)
        assert done.returncode == 0, done.stderr
