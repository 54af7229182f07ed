"""Functions of workflows are killed at each write boundary: every run ends once, nothing is done twice."""

import json
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from shared.actions import ActionFinished
from shared.events import envelope, to_entry
from shared.tenancy import TenantId
from tests.e2e import killing
from tests.e2e.conftest import Platform, wait_for

BASE = "/v1/workflows"
HANDLERS = "services.workflow.handlers"
DISPATCHER = (
    "workflow dispatcher: run running",
    "workflow dispatcher: attempt begins",
    "workflow dispatcher: attempt journaled",
    "workflow dispatcher: effect done",
    "workflow dispatcher: attempt ended",
    "workflow dispatcher: approval is due",
    "workflow dispatcher: approval journaled",
    "workflow dispatcher: approval opened",
    "workflow dispatcher: action is due",
    "workflow dispatcher: action asked for",
    "workflow dispatcher: failure noted",
    "workflow dispatcher: run to be ended",
    "workflow dispatcher: run ended",
    "workflow dispatcher: journal carried",
)
API = (
    "workflow dispatcher: approval saved",
    "workflow dispatcher: run cancelling",
    "workflow dispatcher: retry claimed",
    "workflow dispatcher: retry created",
)
ANSWERS = ("workflow dispatcher: answer journaled", "workflow dispatcher: answer told")
JOB = (
    "workflow dispatcher: end audited",
    "workflow dispatcher: history written",
    "workflow dispatcher: execution stopped",
)
KILLS = [
    *(("dispatcher", each) for each in DISPATCHER),
    *(("api", each) for each in API),
    *(("on_approval_decided", each) for each in ANSWERS),
    *(("on_run_requested", each) for each in JOB),
]
QUICK = {"workflow dispatcher: effect done"}
WORKFLOW = """
id: crash
title: Everything that may be killed
triggers: [{name: by-hand, manual: true}]
steps:
  - {id: first, action: set, timeout: 5s, with: {n: 1}}
  - {id: ask, approval: {message: "Go on?", roles: [approver], expires: 1h}}
  - {id: rows, action: query.run, timeout: 5m, with: {sql: SELECT 1 AS one}}
  - {id: bad, action: http.get, with: {url: "https://127.0.0.1/"}}
on_failure:
  - {id: clean, action: set, timeout: 5s, with: {n: 2}}
"""
PLAIN = """
id: plain
title: Without a clean-up
triggers: [{name: by-hand, manual: true}]
steps:
  - {id: ask, approval: {message: "Go on?", roles: [approver], expires: 1m}}
"""
LOST = """
id: lost
title: An effect that nobody can look up
triggers: [{name: by-hand, manual: true}]
steps:
  - {id: send, action: http.send, timeout: 5s, with: {url: "https://127.0.0.1/"}}
"""


@dataclass
class Site:
    """A tenant, an operator who runs and an approver who decides."""

    platform: Platform
    tenant: str
    operator: str
    approver: str
    answered: set[str]

    @classmethod
    def of(cls, platform: Platform, tenant: str, source: str) -> "Site":
        tokens = []
        for role in ("admin", "operator", "approver"):
            done = platform.onyx("token", "--tenant", tenant, "--role", role)
            assert done.returncode == 0, done.stderr
            tokens.append(done.stdout.strip())
        id = source.split()[1]
        put = platform.http("PUT", f"{BASE}/{id}", tokens[0], json={"source": source})
        assert put.status_code in (200, 201), put.text
        return cls(platform, tenant, tokens[1], tokens[2], set())

    def ask(self, method: str, path: str, token: str | None = None, **body: Any) -> dict[str, Any]:
        """A call that is made again while its function is being killed."""

        def answer() -> dict[str, Any] | None:
            options = {"json": body} if method == "POST" else {}
            found = self.platform.http(method, BASE + path, token or self.operator, **options)
            if found.status_code >= 500:
                return None
            assert found.status_code < 300, found.text
            parsed: dict[str, Any] = found.json()
            return parsed

        return wait_for(answer, f"{method} {path}", 60)

    def start(self, workflow: str = "crash") -> str:
        return str(self.ask("POST", f"/{workflow}/runs", inputs={}, key=uuid.uuid4().hex)["run"])

    def status(self, run: str) -> str:
        return str(self.ask("GET", f"/runs/{run}")["status"])

    def steps(self, run: str) -> dict[str, dict[str, Any]]:
        return {row["step"]: row for row in self.ask("GET", f"/runs/{run}/steps")["rows"]}

    def events(self, kind: str) -> list[dict[str, Any]]:
        rows = killing.rows(self.platform, "workflow", "Outbox", f"TENANT#{self.tenant}#OUTBOX")
        found = [json.loads(row["envelope"]["S"]) for row in rows if row["detail_type"]["S"] == kind]
        return [each["data"] for each in found]

    def acts(self, run: str) -> list[str]:
        """What its audit holds, if that verifies."""
        found = self.ask("GET", f"/runs/{run}/audit")
        assert found["verified"]
        return [row["act"] for row in found["rows"]]

    def decide(self) -> None:
        for row in self.ask("GET", "/approvals")["rows"]:
            self.ask("POST", f"/approvals/{row['approval']}/decision", self.approver, approve=True)

    def provide(self) -> None:
        """What a provider would answer, whoever else does."""
        for asked in self.events("ActionRequested.v1"):
            if asked["effect_key"] in self.answered:
                continue
            self.answered.add(asked["effect_key"])
            same = {name: asked[name] for name in ("action", "effect_key", "run_id", "step", "attempt")}
            event = ActionFinished(**same, succeeded=True, output={"rows": [], "row_count": 0})
            env = envelope(event, tenant=TenantId(self.tenant), id=uuid.uuid4().hex, time=datetime.now(UTC))
            self.platform.client("events").put_events(
                Entries=[to_entry(env, self.platform.output("platform", "BusName"))]
            )

    def until(self, run: str, *statuses: str, acts: tuple[Callable[[], None], ...] = ()) -> None:
        def reached() -> bool:
            for act in acts:
                act()
            return self.status(run) in statuses

        wait_for(reached, f"the run to be {' or '.join(statuses)}", 150)

    def ended_well(self, runs: list[str]) -> None:
        """One end each, sealed, and a chain that holds."""
        for run in runs:
            wait_for(lambda run=run: "run.finished" in self.acts(run), "the run to be sealed", 90)
        told = [each["run_id"] for each in self.events("RunFinished.v1")]
        assert sorted(told) == sorted(runs)
        asked = [(each["run_id"], each["attempt"]) for each in self.events("ActionRequested.v1")]
        assert len(asked) == len(set(asked))


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("handler", "failpoint"),
    [pytest.param(*each, marks=() if each[1] in QUICK else pytest.mark.long) for each in KILLS],
)
def test_a_killed_function(
    platform: Platform, tenant: str, tmp_path: Path, handler: str, failpoint: str
) -> None:
    """A run that fails, its retry, and one that is cancelled."""
    site = Site.of(platform, tenant, WORKFLOW)
    name = killing.function(platform, "workflow", f"{HANDLERS}.{handler}.handler")
    with killing.function_environment(platform, name, killing.armed(tmp_path, failpoint)):
        first = site.start()
        site.until(first, "failed", acts=(site.decide, site.provide))
        assert site.steps(first)["clean"]["status"] == "succeeded"
        retried = str(site.ask("POST", f"/runs/{first}/retry")["run"])
        site.until(retried, "failed", acts=(site.provide,))
        assert site.steps(retried)["first"]["effect_key"] == site.steps(first)["first"]["effect_key"]
        cancelled = site.start()
        wait_for(lambda: "ask" in site.steps(cancelled), "the approval")
        site.ask("POST", f"/runs/{cancelled}/cancel")
        site.until(cancelled, "cancelled")
        assert killing.struck(tmp_path) == failpoint
        site.ended_well([first, retried, cancelled])


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_killed_expiry(platform: Platform, tenant: str, tmp_path: Path) -> None:
    site = Site.of(platform, tenant, PLAIN)
    name = killing.function(platform, "workflow", f"{HANDLERS}.dispatcher.handler")
    failpoint = "workflow dispatcher: approval expired"
    with killing.function_environment(platform, name, killing.armed(tmp_path, failpoint)):
        run = site.start("plain")
        site.until(run, "failed")
        assert killing.struck(tmp_path) == failpoint
        site.ended_well([run])


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("cleans", [True, False])
def test_a_killed_clean_up(platform: Platform, tenant: str, tmp_path: Path, cleans: bool) -> None:
    """Whoever comes first goes on with a cancelled run: the job, or the one that hears of its execution."""
    site = Site.of(platform, tenant, WORKFLOW if cleans else PLAIN)
    failpoint = "workflow dispatcher: clean-up started" if cleans else "workflow dispatcher: run cancelled"
    with ExitStack() as armed:
        for handler in ("on_run_requested", "on_execution_ended"):
            name = killing.function(platform, "workflow", f"{HANDLERS}.{handler}.handler")
            armed.enter_context(
                killing.function_environment(platform, name, killing.armed(tmp_path, failpoint))
            )
        run = site.start("crash" if cleans else "plain")
        wait_for(lambda: "ask" in site.steps(run), "the approval")
        site.ask("POST", f"/runs/{run}/cancel")
        site.until(run, "cancelled")
        assert killing.struck(tmp_path) == failpoint
        site.ended_well([run])


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_killed_resolution(platform: Platform, tenant: str, tmp_path: Path) -> None:
    site = Site.of(platform, tenant, LOST)
    kills = (
        ("dispatcher", "workflow dispatcher: attempt journaled"),
        ("api", "workflow dispatcher: resolution audited"),
    )
    with ExitStack() as armed:
        for handler, failpoint in kills:
            folder = tmp_path / handler
            folder.mkdir()
            name = killing.function(platform, "workflow", f"{HANDLERS}.{handler}.handler")
            armed.enter_context(
                killing.function_environment(platform, name, killing.armed(folder, failpoint))
            )
        run = site.start("lost")
        wait_for(lambda: site.steps(run).get("send", {}).get("status") == "unknown", "the question", 120)
        output = {"status": 200, "headers": {}, "body": "seen by hand"}
        site.ask("POST", f"/runs/{run}/steps/send/resolve", at="", done=True, output=output)
        site.until(run, "succeeded")
        assert killing.struck(tmp_path / "api") == "workflow dispatcher: resolution audited"
        site.ended_well([run])
