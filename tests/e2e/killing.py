"""Arming failpoints in the processes of a running platform, and looking at what is left after they struck.

A task is armed through the plan that the supervisor starts it from, a function through its configuration: by
their environment, as anybody would on AWS. Neither platform nor service has a switch for it.
"""

import json
import os
import signal
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from infra.local.state import LocalState, read_json, write_json
from shared.failpoints import MARK, NAME
from tests.e2e.conftest import Platform, wait_for

QUICK = {"HEARTBEAT_SECONDS": "2"}
"""A dead task's message comes back after three heartbeats: six seconds instead of sixty."""


def state_of(platform: Platform) -> LocalState:
    return LocalState.of(platform.port, platform.home)


def process(platform: Platform, service: str) -> dict[str, Any]:
    """What the supervisor last saw of a service; empty while it does not run."""
    seen = read_json(state_of(platform).status_file) or {}
    return next((row for row in seen.get("processes", []) if row["service"] == service), {})


@contextmanager
def task_environment(platform: Platform, service: str, variables: dict[str, str]) -> Iterator[None]:
    """Restarts the service's tasks with more variables, and without them afterwards."""
    plan = read_json(state_of(platform).plan_file)
    assert plan is not None
    changed = json.loads(json.dumps(plan))
    (chosen,) = [each for each in changed["services"] if each["name"] == service]
    chosen["environment"] |= variables
    _adopt(platform, changed, service)
    try:
        yield
    finally:
        _adopt(platform, plan, service)


def _adopt(platform: Platform, plan: dict[str, Any], service: str) -> None:
    state = state_of(platform)
    plan = {**plan, "id": uuid.uuid4().hex[:12]}
    write_json(state.plan_file, plan)
    known = read_json(state.platform_file)
    assert known is not None
    os.kill(int(known["pid"]), signal.SIGHUP)

    def adopted() -> bool:
        seen = read_json(state.status_file) or {}
        return seen.get("plan") == plan["id"] and process(platform, service).get("health") == "healthy"

    wait_for(adopted, f"{service} with its new environment")


@contextmanager
def function_environment(platform: Platform, name: str, variables: dict[str, str]) -> Iterator[None]:
    """Reconfigures the function with more variables, and without them afterwards."""
    client = platform.client("lambda")
    before = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    client.update_function_configuration(FunctionName=name, Environment={"Variables": before | variables})
    try:
        yield
    finally:
        client.update_function_configuration(FunctionName=name, Environment={"Variables": before})


def function(platform: Platform, stack: str, handler: str) -> str:
    """The name of the stack's function with this handler."""
    found = [
        each["FunctionName"]
        for page in platform.client("lambda").get_paginator("list_functions").paginate()
        for each in page["Functions"]
        if each["Handler"] == handler and each["FunctionName"].startswith(f"onyx-local-{stack}-")
    ]
    (name,) = found
    return str(name)


def invoke(platform: Platform, name: str, event: dict[str, Any]) -> Any:
    """Run a function now; what it raised is the test's failure."""
    answer = platform.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event).encode())
    body = answer["Payload"].read()
    assert "FunctionError" not in answer, body
    return json.loads(body)


def armed(folder: Path, failpoint: str) -> dict[str, str]:
    return {NAME: failpoint, MARK: str(folder / "mark")}


def struck(folder: Path) -> str | None:
    """The failpoint that killed a process, once one did."""
    mark = folder / "mark"
    return mark.read_text().splitlines()[0] if mark.is_file() else None


# --- what is left ---


def rows(platform: Platform, stack: str, table: str, pk: str) -> list[dict[str, Any]]:
    return list(
        platform.client("dynamodb").query(
            TableName=platform.output(stack, f"{table}Table"),
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": pk}},
            ConsistentRead=True,
        )["Items"]
    )


def facts(platform: Platform, tenant: str, kind: str) -> list[dict[str, Any]]:
    """The tenant's events of this detail-type that the cost center recorded."""
    found = rows(platform, "cost-center", "Outbox", f"TENANT#{tenant}#OUTBOX")
    return [row for row in found if row["detail_type"]["S"] == kind]


def told(platform: Platform, tenant: str) -> list[tuple[str, datetime]]:
    """(bill, its publication) of each BillIngested of the tenant, sorted."""
    found = [json.loads(row["envelope"]["S"])["data"] for row in facts(platform, tenant, "BillIngested.v1")]
    return sorted((each["bill_id"], datetime.fromisoformat(each["published_at"])) for each in found)


def handled(platform: Platform, tenant: str) -> list[tuple[str, datetime]]:
    """(bill, its publication) as the query engine's consumer kept it, sorted: `told` where it has them all.

    The consumer's one write is all that it leaves: it claims nothing, so no inbox row tells of an event.
    """
    found = rows(platform, "query-engine", "Dataset", f"TENANT#{tenant}")
    return sorted((row["bill_id"]["S"], datetime.fromisoformat(row["published_at"]["S"])) for row in found)


def claims(platform: Platform, tenant: str) -> list[str]:
    """The status of each event of the tenant that the cost center's consumer of tenants has seen."""
    pk = f"TENANT#{tenant}#INBOX#on_tenant_created"
    return [row["status"]["S"] for row in rows(platform, "cost-center", "Inbox", pk)]


def published_files(platform: Platform, tenant: str) -> list[str]:
    """The files that readers of the tenant's one bill bind."""
    found = rows(platform, "cost-center", "Bill", f"TENANT#{tenant}")
    (bill,) = [row for row in found if row["sk"]["S"].startswith("BILL#")]
    tables = bill["published"]["M"]["tables"]["M"]
    return [file["S"] for table in tables.values() for file in table["M"]["files"]["L"]]
