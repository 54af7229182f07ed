"""The routes of workflows over DynamoDB and Secrets Manager (moto), as one tenant and another call them."""

import json
import os
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from services.workflow.adapters.credentials import SecretCredentials
from services.workflow.domain.parsing.language import TAKEN
from services.workflow.domain.runtime_ports import ActionFailed
from services.workflow.handlers import api, api_wiring, operator
from shared import aws
from shared.http import routes
from shared.tenancy import TenantId
from tests.fakes.http_calls import Answer, call, token_claims
from tests.fakes.tables import create_table
from tests.fakes.workflow_tables import create_execution_table

BASE = "/v1/workflows"
REGION, ACCOUNT = "us-east-1", "123456789012"
TABLES = ("WORKFLOW", "VERSION", "TRIGGER", "GLOBAL_TRIGGER", "STEP_JOURNAL", "SETTING", "AUDIT", "EXECUTION")
GOOD = "id: small\ntitle: Small\nsteps: [{id: one, action: set, with: {n: 1}}]\n"
OTHERS = {
    "ARTIFACT_BUCKET": "artifacts",
    "DISPATCHER_ARN": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:dispatcher",
    "STATES_ROLE_ARN": f"arn:aws:iam::{ACCOUNT}:role/states",
    "MACHINE_PREFIX": "onyx-test-",
    "SCHEDULER_ROLE_ARN": f"arn:aws:iam::{ACCOUNT}:role/scheduler",
    "SCHEDULE_GROUP": "onyx-test",
    "BUS_ARN": f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/onyx-test",
    "SECRET_PREFIX": "onyx/test/tenants/",
}


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in (
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_DEFAULT_REGION", REGION),
        ("AWS_REGION", REGION),
        *OTHERS.items(),
        *((f"{name}_TABLE", name.lower()) for name in (*TABLES, "OUTBOX")),
    ):
        monkeypatch.setenv(name, value)
    aws.clear_clients()
    with mock_aws():
        client = boto3.client("dynamodb")
        for name in TABLES[:-1]:
            create_table(client, name.lower())
        create_table(client, "outbox", outbox=True)
        create_execution_table(client)
        secret = boto3.client("secretsmanager").create_secret(Name="pages", SecretString="p" * 32)
        monkeypatch.setenv("PAGE_TOKEN_SECRET_ARN", secret["ARN"])
        monkeypatch.setenv("KEY_ARN", boto3.client("kms").create_key()["KeyMetadata"]["Arn"])
        api_wiring.services.cache_clear()
        operator.store.cache_clear()
        yield
    api_wiring.services.cache_clear()
    operator.store.cache_clear()
    aws.clear_clients()


pytestmark = pytest.mark.usefixtures("cloud")


def ask(
    method: str, path: str, body: Any = None, *, roles: str = "admin", tenant: str = "acme", **query: Any
) -> Answer:
    claims = token_claims(tenant, roles)
    return call(api.handler, method, BASE + path, claims=claims, body=body, query=query or None)


def refused(method: str, path: str, body: Any = None, **more: Any) -> tuple[int, str]:
    answer = ask(method, path, body, **more)
    assert answer.status >= 400, answer.body
    return answer.status, answer.body["code"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("PUT", "/small", {"source": "id: small\n"}, 422, "DEFINITION_INVALID"),
        ("PUT", "/other", {"source": GOOD}, 422, "WORKFLOW_ID"),
        ("PUT", "/small", {"source": GOOD, "sourc": ""}, 422, "UNPROCESSABLE"),
        ("PUT", "/small", {}, 422, "UNPROCESSABLE"),
        ("POST", "/small/runs", {"inputs": []}, 422, "UNPROCESSABLE"),
        ("POST", "/small/runs", {"key": ""}, 422, "UNPROCESSABLE"),
        ("POST", "/small/runs", {}, 404, "NOT_FOUND"),
        ("GET", "/small", None, 404, "NOT_FOUND"),
        ("GET", "/small/versions", None, 404, "NOT_FOUND"),
        ("GET", "/small/asl", None, 404, "NOT_FOUND"),
        ("POST", "/small/pause", None, 404, "NOT_FOUND"),
        ("DELETE", "/small", None, 404, "NOT_FOUND"),
        ("POST", "/small/hooks/hook/rotate", None, 404, "NOT_FOUND"),
        ("GET", "/templates/none", None, 404, "NOT_FOUND"),
        ("GET", "/runs/r-1", None, 404, "NOT_FOUND"),
        ("GET", "/runs/r-1/steps", None, 404, "NOT_FOUND"),
        ("GET", "/runs/r-1/audit", None, 404, "NOT_FOUND"),
        ("POST", "/runs/r-1/cancel", None, 404, "NOT_FOUND"),
        ("POST", "/runs/r-1/retry", {}, 404, "NOT_FOUND"),
        ("POST", "/runs/r-1/steps/one/resolve", {"done": True}, 404, "NOT_FOUND"),
        ("POST", "/runs/r-1/steps/one/resolve", {}, 422, "UNPROCESSABLE"),
        ("POST", "/approvals/e-1/decision", {"approve": True}, 404, "NOT_FOUND"),
        ("POST", "/approvals/e-1/decision", {"approve": "maybe"}, 422, "UNPROCESSABLE"),
        ("PUT", "/channels/OPS", {"kind": "webhook", "url": "https://a"}, 422, "NAME"),
        ("PUT", "/channels/ops", {"kind": "pager"}, 422, "UNPROCESSABLE"),
        ("PUT", "/channels/ops", {"kind": "webhook"}, 422, "CHANNEL"),
        ("PUT", "/channels/ops", {"kind": "webhook", "url": "u", "credential": "c"}, 422, "CHANNEL"),
        ("PUT", "/channels/ops", {"kind": "email", "addresses": []}, 422, "CHANNEL"),
        ("PUT", "/channels/ops", {"kind": "email", "addresses": ["a@b"], "url": "u"}, 422, "CHANNEL"),
        ("DELETE", "/channels/ops", None, 404, "NOT_FOUND"),
        ("PUT", "/credentials/key", {"host": "h"}, 422, "CREDENTIAL"),
        ("PUT", "/credentials/key", {"host": "h", "headers": {}, "url": "u"}, 422, "CREDENTIAL"),
        ("DELETE", "/credentials/key", None, 404, "NOT_FOUND"),
    ],
)
def test_what_is_refused(method: str, path: str, body: Any, status: int, code: str) -> None:
    assert refused(method, path, body) == (status, code)


@pytest.mark.parametrize(("name", "value"), [("limit", 0), ("limit", 1001), ("status", "odd"), ("page", 1)])
def test_lists_take_what_they_know(name: str, value: Any) -> None:
    assert refused("GET", "/runs", **{name: value})[0] == 422


def test_a_cursor_is_none_of_mine() -> None:
    for path in ("", "/runs", "/approvals"):
        assert refused("GET", path, cursor="made-up") == (400, "INVALID_CURSOR")


def test_every_route_asks_for_its_role() -> None:
    """Whoever has none may do nothing, whatever is there."""
    for route in routes(api.app):
        path = route.path.removeprefix(BASE).replace("{", "").replace("}", "")
        answer = ask(route.method, path, {}, roles="")
        assert (answer.status, answer.body["code"]) == (403, "FORBIDDEN"), (route.method, path)


@pytest.mark.parametrize("name", TAKEN)
def test_no_workflow_is_named_as_a_route(name: str) -> None:
    answer = ask("PUT", f"/{name}", {"source": GOOD.replace("small", name)})
    assert (answer.status, answer.body["errors"][0]["path"]) == (422, "id")


def test_every_first_part_of_a_path_is_taken() -> None:
    parts = {route.path.removeprefix(BASE).split("/")[1] for route in routes(api.app) if route.path != BASE}
    assert {part for part in parts if not part.startswith("{")} | {"hooks"} == set(TAKEN)


def test_publishing_needs_the_role_of_each_action() -> None:
    source = "id: asks\ntitle: Asks\nsteps: [{id: one, action: query.run, with: {sql: SELECT 1}}]\n"
    assert refused("PUT", "/asks", {"source": source}, roles="operator") == (403, "FORBIDDEN")


def test_a_check_tells_all_that_is_wrong_or_what_a_run_takes() -> None:
    wrong = ask("POST", "/check", {"source": "id: small\nsteps: []\n"}, roles="viewer").body
    assert {each["code"] for each in wrong["findings"]} >= {"MISSING_KEY"}
    assert (wrong["workflow"], wrong["estimate"]) == (None, None)
    right = ask("POST", "/check", {"source": GOOD}, roles="viewer").body
    assert (right["workflow"], right["findings"]) == ("small", [])
    assert 0 < right["estimate"]["transitions"] <= right["estimate"]["transitions_at_most"]
    assert isinstance(right["estimate"]["usd_per_1000_runs"], str)


def test_a_dry_run_walks_by_inputs_event_and_stubs() -> None:
    source = (
        "id: dry\ntitle: Dry\ninputs: {n: {type: decimal, required: true}}\nsteps:\n"
        "- {id: asks, action: query.run, with: {sql: SELECT 1}}\n"
        "- {id: one, when: decimal(inputs.n) > `1.5`, action: set, with: {n: '${inputs.n}'}}\n"
        "outputs: {rows: '${steps.asks.output.row_count}'}\n"
    )
    stub = {"rows": [], "columns": [], "row_count": 7, "truncated": False}
    walked = ask("POST", "/dry-run", {"source": source, "inputs": {"n": "1.50"}, "stubs": {"asks": stub}})
    assert walked.status == 200, walked.body
    assert (walked.body["status"], walked.body["outputs"]) == ("succeeded", {"rows": 7})
    assert [(each["step"], each["outcome"]) for each in walked.body["steps"]] == [
        ("asks", "succeeded"),
        ("one", "skipped"),
    ]
    assert refused("POST", "/dry-run", {"source": source}) == (422, "INPUTS_INVALID")
    assert refused("POST", "/dry-run", {"source": source, "stubs": {"none": {}}})[0] == 422


def test_actions_and_templates_are_there_to_begin_with() -> None:
    actions = {each["action"]: each for each in ask("GET", "/actions", roles="viewer").body["rows"]}
    assert {"set", "http.get", "http.send", "notify", "query.run"} <= set(actions)
    assert actions["query.run"]["inputs"][0] == "sql: string"
    for row in ask("GET", "/templates", roles="viewer").body["rows"]:
        source = ask("GET", f"/templates/{row['template']}").body["source"]
        assert ask("POST", "/check", {"source": source}).body["findings"] == [], row["template"]


def test_channels_are_each_tenants_own() -> None:
    body = {"kind": "webhook", "url": "https://chat.example.com/x"}
    assert ask("PUT", "/channels/ops", body).body["url"] == "https://chat.example.com/…", "no secret of it"
    assert ask("PUT", "/channels/ops", {"kind": "webhook", "credential": "chat"}).body["url"] is None
    (kept,) = ask("GET", "/channels").body["rows"]
    assert (kept["channel"], kept["credential"]) == ("ops", "chat")
    assert ask("GET", "/channels", tenant="other").body["rows"] == []
    assert refused("DELETE", "/channels/ops", tenant="other") == (404, "NOT_FOUND")
    assert ask("DELETE", "/channels/ops").status == 204
    assert ask("GET", "/channels").body["rows"] == []


def test_a_credential_is_written_replaced_and_deleted_and_shown_to_nobody() -> None:
    read = SecretCredentials(OTHERS["SECRET_PREFIX"])
    for value in ("one", "two"):
        written = ask("PUT", "/credentials/key", {"host": "h", "headers": {"X-Key": value}})
        assert (written.status, written.body) == (204, "")
        assert read.get(TenantId("acme"), "key").headers == {"X-Key": value}
    with pytest.raises(ActionFailed):
        read.get(TenantId("other"), "key")
    assert refused("DELETE", "/credentials/key", tenant="other") == (404, "NOT_FOUND")
    assert ask("DELETE", "/credentials/key").status == 204
    with pytest.raises(ActionFailed):
        read.get(TenantId("acme"), "key")
    assert ask("PUT", "/credentials/chat", {"host": "h", "url": "https://h/x"}).status == 204
    assert read.get(TenantId("acme"), "chat").url == "https://h/x"
    told = [ask("GET", path).body for path in ("", "/channels", "/runs")]
    assert "two" not in json.dumps(told)


def test_the_operators_triggers() -> None:
    given = {"name": "bills", "type": "BillIngested.v1", "workflow": "small", "pattern": {"source": ["s"]}}
    for _ in range(2):
        assert operator.handler({"command": "set_trigger", **given}, None)["ok"]
    (row,) = operator.handler({"command": "list_triggers"}, None)["rows"]
    assert (row["name"], row["pattern"]) == ("bills", {"source": ["s"]})
    for wrong in ({"pattern": {"source": "s"}}, {"type": "bills"}, {"workflow": "No"}, {"name": "B"}):
        answer = operator.handler({"command": "set_trigger", **given, **wrong}, None)
        assert not answer["ok"], wrong
    assert operator.handler({"command": "delete_trigger", "name": "bills"}, None)["ok"]
    again = operator.handler({"command": "delete_trigger", "name": "bills"}, None)
    assert again["problem"]["code"] == "NOT_FOUND"
