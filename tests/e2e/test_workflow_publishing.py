"""Publishing and starting are killed at each write boundary: one version, one run, nothing left behind."""

import json
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import killing
from tests.e2e.conftest import Platform, wait_for

BASE = "/v1/workflows"
HANDLERS = "services.workflow.handlers"
PUBLISH = (
    "workflow publish: reserved",
    "workflow publish: version stored",
    "workflow publish: machine published",
    "workflow publish: version ready",
    "workflow publish: moved",
    "workflow publish: scheduled",
)
START = ("workflow start: queued", "workflow start: place taken", "workflow start: launched")
QUICK = ("workflow publish: machine published",)
SOURCE = """
id: small
title: A step and a schedule
triggers:
  - {name: by-hand, manual: true}
  - {name: yearly, cron: "0 0 1 1 ? 2099"}
limits: {concurrency: 3}
steps:
  - {id: first, action: set, with: {n: 1}}
"""
long = pytest.mark.long


def marked(names: tuple[str, ...]) -> list[Any]:
    return [pytest.param(each, marks=() if each in QUICK else long) for each in names]


def asked(platform: Platform, tenant: str, method: str, path: str, **body: Any) -> dict[str, Any]:
    """An admin's call, made again while its function is being killed."""

    def answer() -> dict[str, Any] | None:
        found = platform.http(method, BASE + path, platform.token(tenant), **({"json": body} if body else {}))
        if found.status_code >= 500:
            return None
        assert found.status_code < 300, found.text
        parsed: dict[str, Any] = found.json() if found.content else {}
        return parsed

    return wait_for(answer, f"{method} {path}", 60)


def facts(platform: Platform, tenant: str, kind: str) -> list[dict[str, Any]]:
    rows = killing.rows(platform, "workflow", "Outbox", f"TENANT#{tenant}#OUTBOX")
    return [json.loads(row["envelope"]["S"]) for row in rows if row["detail_type"]["S"] == kind]


def machines(platform: Platform, tenant: str) -> list[str]:
    found = platform.client("stepfunctions").list_state_machines()["stateMachines"]
    return [each["stateMachineArn"] for each in found if f"-{tenant}_" in each["name"]]


def started(platform: Platform, tenant: str) -> str:
    return str(asked(platform, tenant, "POST", "/small/runs", inputs={}, key=uuid.uuid4().hex)["run"])


def ended(platform: Platform, tenant: str, run: str) -> bool:
    return bool(asked(platform, tenant, "GET", f"/runs/{run}")["status"] == "succeeded")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("failpoint", marked(PUBLISH))
def test_a_killed_publication(platform: Platform, tenant: str, tmp_path: Path, failpoint: str) -> None:
    api = killing.function(platform, "workflow", f"{HANDLERS}.api.handler")
    with killing.function_environment(platform, api, killing.armed(tmp_path, failpoint)):
        asked(platform, tenant, "PUT", "/small", source=SOURCE)
        assert killing.struck(tmp_path) == failpoint
    assert [each["data"]["workflow_version"] for each in facts(platform, tenant, "WorkflowPublished.v1")] == [
        1
    ]
    (machine,) = machines(platform, tenant)
    states = platform.client("stepfunctions")
    versions = states.list_state_machine_versions(stateMachineArn=machine)["stateMachineVersions"]
    assert len(versions) == 1, "what the dead one made was found again"
    names = [each["Name"] for each in platform.client("scheduler").list_schedules()["Schedules"]]
    assert len([name for name in names if name.startswith(f"{tenant}_")]) == 1
    run = started(platform, tenant)
    wait_for(lambda: ended(platform, tenant, run), "the run of it", 120)


@pytest.mark.timeout(400)
@pytest.mark.parametrize("failpoint", marked(START))
def test_a_killed_start(platform: Platform, tenant: str, tmp_path: Path, failpoint: str) -> None:
    """By its message, or by the job that looks after runs: it is started, once."""
    asked(platform, tenant, "PUT", "/small", source=SOURCE)
    job = killing.function(platform, "workflow", f"{HANDLERS}.on_run_requested.handler")
    with killing.function_environment(platform, job, killing.armed(tmp_path, failpoint)):
        run = started(platform, tenant)
        assert wait_for(lambda: killing.struck(tmp_path), "the kill") == failpoint
        wait_for(lambda: ended(platform, tenant, run), "the run", 200)
    assert [each["data"]["run_id"] for each in facts(platform, tenant, "RunFinished.v1")] == [run]
    (machine,) = machines(platform, tenant)
    executions = platform.client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]
    assert [each["name"] for each in executions] == [run]


@long
@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    ("handler", "failpoint"),
    [("api", "workflow delete: moved"), ("reconcile", "workflow delete: machine gone")],
)
def test_a_killed_deletion(
    platform: Platform, tenant: str, tmp_path: Path, handler: str, failpoint: str
) -> None:
    asked(platform, tenant, "PUT", "/small", source=SOURCE)
    name = killing.function(platform, "workflow", f"{HANDLERS}.{handler}.handler")
    with killing.function_environment(platform, name, killing.armed(tmp_path, failpoint)):
        platform.http("DELETE", f"{BASE}/small", platform.token(tenant))
        assert wait_for(lambda: killing.struck(tmp_path), "the kill", 150) == failpoint
        wait_for(lambda: not machines(platform, tenant), "the machine to be removed", 150)
    assert len(facts(platform, tenant, "WorkflowDeleted.v1")) == 1
    assert asked(platform, tenant, "PUT", "/small", source=SOURCE)["version"] == 2
