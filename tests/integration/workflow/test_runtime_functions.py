"""The dispatcher and the callback jobs as Lambda calls them, over DynamoDB, S3 and Secrets Manager (moto)."""

import json
import logging
import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from moto import mock_aws

from services.workflow.adapters.actions.http_client import HttpClient
from services.workflow.adapters.actions.notify import Notify
from services.workflow.adapters.audit_store import AuditStore
from services.workflow.adapters.callbacks import StepFunctionsCallbacks
from services.workflow.adapters.credentials import SecretCredentials
from services.workflow.adapters.setting_store import SettingStore
from services.workflow.domain.parsing import parse
from services.workflow.domain.ports import Published
from services.workflow.domain.run import Run, RunStatus, StepStatus
from services.workflow.domain.runtime_ports import ActionCall, ActionFailed, Channel
from services.workflow.events import ApprovalDecided
from services.workflow.handlers import dispatcher, on_action_finished, on_approval_decided, runtime_wiring
from shared import aws
from shared.actions import ActionFinished
from shared.config import load_settings
from shared.errors import BadRequest
from shared.events import Event, envelope, to_entry
from shared.observability import logger
from shared.table import TenantTable
from shared.tenancy import Principal, Role, TenantId
from tests.fakes.tables import create_table

ACME, GLOBEX = TenantId("acme"), TenantId("globex")
RUN = "r-" + "0" * 32
NOW = datetime.now(UTC)
SECRET = "Bearer sk-live-0123456789"
TABLES = ("VERSION", "EXECUTION", "STEP_JOURNAL", "AUDIT", "SETTING", "INBOX")
SOURCE = """
id: report
title: Report
triggers: [{name: by-hand, manual: true}]
steps:
  - id: names
    action: set
    with: {total: "12.50", big: "%s"}
  - id: read
    action: http.get
    credential: api
    with: {url: "%s/costs"}
  - id: send
    action: http.send
    credential: api
    with:
      url: "%s/tickets"
      body: {title: "${steps.names.output.total}", seen: "${steps.read.output.body.echo}"}
  - id: tell
    action: notify
    with: {channel: ops, subject: Done}
  - id: ask
    approval: {message: "Total ${steps.names.output.total}?", roles: [approver]}
outputs: {total: "${steps.names.output.total}"}
"""


@dataclass
class Provider:
    """An HTTP API that echoes the credential it was sent."""

    requests: list[tuple[str, str, Mapping[str, str], bytes]] = field(default_factory=list)

    def serve(self) -> HTTPServer:
        requests = self.requests

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                requests.append((self.command, self.path, dict(self.headers), body))
                told = json.dumps({"echo": self.headers.get("Authorization", "")}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(told)))
                self.end_headers()
                self.wfile.write(told)

            do_GET = do_POST = _answer  # noqa: N815 - the names are http.server's

            def log_message(self, *_: Any) -> None:
                return

        server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server


@dataclass
class Cloud:
    """The account, and what is in it."""

    provider: Provider
    url: str

    def ask(self, op: str, step: str | None = None, tenant: str = ACME, **more: Any) -> Mapping[str, Any]:
        asked = {
            "op": op,
            "tenant": tenant,
            "workflow": "report",
            "version": 1,
            "step": step,
            "run": RUN,
            "execution": RUN,
            "mode": "run",
            "at": "",
        }
        return dispatcher.handler({**asked, **more}, None)

    def everything(self) -> str:
        """All that was stored, as text."""
        db, s3 = boto3.client("dynamodb"), boto3.client("s3")
        found = [json.dumps(db.scan(TableName=name)["Items"]) for name in db.list_tables()["TableNames"]]
        for each in s3.list_objects_v2(Bucket="artifacts").get("Contents", []):
            found.append(s3.get_object(Bucket="artifacts", Key=each["Key"])["Body"].read().decode())
        return "\n".join(found)

    def record(self, step: str) -> Any:
        return runtime_wiring.dispatch().runtime.journal.get(ACME, RUN, step, "")


def forget() -> None:
    load_settings.cache_clear()
    aws.clear_clients()
    for cached in (
        runtime_wiring.dispatch,
        runtime_wiring.answers,
        on_action_finished.consumer,
        on_approval_decided.consumer,
    ):
        cached.cache_clear()


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    provider = Provider()
    server = provider.serve()
    place = f"127.0.0.1:{server.server_port}"
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    variables = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REGION": "us-east-1",
        **{f"{name}_TABLE": name.lower().replace("_", "-") for name in TABLES},
        "OUTBOX_TABLE": "outbox",
        "ARTIFACT_BUCKET": "artifacts",
        "SECRET_PREFIX": "onyx/test/tenants/",
        "EGRESS_ALLOWED_HOSTS": place,
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    forget()
    with mock_aws():
        db = boto3.client("dynamodb")
        for name in TABLES:
            create_table(db, name.lower().replace("_", "-"))
        create_table(db, "outbox", outbox=True)
        boto3.client("s3").create_bucket(Bucket="artifacts")
        held = {"host": place, "headers": {"Authorization": SECRET}}
        boto3.client("secretsmanager").create_secret(
            Name="onyx/test/tenants/acme/workflow/api", SecretString=json.dumps(held)
        )
        hook = {"host": place, "headers": {}, "url": f"http://{place}/hooks/T0/very-secret-part"}
        boto3.client("secretsmanager").create_secret(
            Name="onyx/test/tenants/acme/workflow/hook", SecretString=json.dumps(hook)
        )
        SettingStore(TenantTable("setting")).save_channel(ACME, Channel("ops", "webhook", credential="hook"))
        made = Cloud(provider, f"http://{place}")
        begin(made)
        yield made
    forget()
    server.shutdown()


def begin(cloud: Cloud) -> None:
    runtime = runtime_wiring.dispatch().runtime
    source = SOURCE % ("x" * 70_000, cloud.url, cloud.url)
    published = Published("report", 1, source, parse(source), "{}", "arn:machine", "ann", NOW, "c")
    runtime.versions.add(ACME, published)  # type: ignore[attr-defined]
    runtime.versions.ready(ACME, "report", 1, "arn:machine")  # type: ignore[attr-defined]
    run = Run(
        id=RUN,
        workflow="report",
        version=1,
        status=RunStatus.QUEUED,
        trigger="manual",
        cause="1",
        started_by="ann",
        created_at=NOW,
    )
    runtime.runs.create(ACME, run)
    row = runtime.runs.get(ACME, RUN)
    assert row is not None
    runtime.runs.change(ACME, row, replace(row, status=RunStatus.STARTING))


def sqs_event(event: Event, tenant: TenantId = ACME) -> dict[str, Any]:
    entry = to_entry(envelope(event, tenant=tenant, id="e-1", time=NOW), "bus")
    body = {
        "detail-type": entry["DetailType"],
        "source": entry["Source"],
        "detail": json.loads(entry["Detail"]),
    }
    return {
        "Records": [
            {
                "messageId": "m-1",
                "body": json.dumps(body),
                "receiptHandle": "h",
                "attributes": {"ApproximateReceiveCount": "1"},
                "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:answers",
            }
        ]
    }


def test_a_run_from_its_beginning_to_its_end(cloud: Cloud, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    logger.addHandler(caplog.handler)
    assert cloud.ask("begin")["outcome"] == "ok"
    for step in ("names", "read", "send", "tell"):
        assert cloud.ask("step", step)["outcome"] == "ok", cloud.record(step)
        assert cloud.ask("step", step)["outcome"] == "ok", "twice is once"
    assert [(method, path) for method, path, _, _ in cloud.provider.requests] == [
        ("GET", "/costs"),
        ("POST", "/tickets"),
        ("POST", "/hooks/T0/very-secret-part"),
    ]
    _, _, headers, body = cloud.provider.requests[1]
    assert headers["Idempotency-Key"] == cloud.record("send").effect_key
    assert headers["Authorization"] == SECRET
    assert json.loads(body) == {"title": "12.50", "seen": "***"}
    assert cloud.record("names").output_location.startswith(f"s3://artifacts/acme/runs/{RUN}/steps/")

    assert cloud.ask("step", "ask", token="token-1")["outcome"] == "pending"
    approving = runtime_wiring.dispatch().runtime.approving
    id = cloud.record("ask").effect_key
    who = Principal(ACME, "bob", frozenset({Role.APPROVER}))
    assert approving.decide(who, id, True).status == "approved"
    decided = ApprovalDecided(
        tenant=ACME,
        workflow="report",
        run_id=RUN,
        approval_id=id,
        step="ask",
        status="approved",
        by=["bob"],
        decided_at=NOW,
    )
    for _ in range(2):
        assert on_approval_decided.handler(sqs_event(decided), None) == {"batchItemFailures": []}
    assert on_approval_decided.handler(sqs_event(decided, GLOBEX), None) == {"batchItemFailures": []}
    assert cloud.record("ask").status is StepStatus.SUCCEEDED
    assert cloud.record("ask").token is None

    assert cloud.ask("end")["outcome"] == "ok"
    made = runtime_wiring.dispatch().runtime
    sealed = runtime_wiring.seal(made, load_settings(runtime_wiring.DispatcherSettings))(ACME, RUN)
    assert (sealed.status, sealed.outputs) == (RunStatus.SUCCEEDED, {"total": "12.50"})
    assert sealed.artifacts == f"s3://artifacts/acme/runs/{RUN}/"
    audit = made.audit
    assert isinstance(audit, AuditStore)
    assert audit.verify(ACME, RUN, sealed.audit_head) is None

    logger.removeHandler(caplog.handler)
    stored, logged = cloud.everything(), caplog.text + "".join(str(each.__dict__) for each in caplog.records)
    assert "12.50" in stored
    assert "outcome" in logged
    for secret in ("sk-live-0123456789", "very-secret-part"):
        assert secret not in stored
        assert secret not in logged


def test_another_tenants_run_is_not_there(cloud: Cloud) -> None:
    assert cloud.ask("begin")["outcome"] == "ok"
    for op, step in (("begin", None), ("step", "read"), ("end", None)):
        reply = cloud.ask(op, step, tenant=GLOBEX)
        assert (reply["outcome"], reply["code"]) == ("stop", "RUN_UNKNOWN")
    assert cloud.provider.requests == []


@pytest.mark.parametrize(
    "changes",
    [
        {"op": "no-such-op"},
        {"tenant": "No Tenant"},
        {"execution": "r-" + "1" * 32},
        {"execution": "nonsense"},
        {"surprise": 1},
    ],
)
def test_what_no_state_machine_asks_is_a_fault(cloud: Cloud, changes: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        cloud.ask(**{"op": "begin", **changes})


def test_an_answer_to_nothing_is_taken(cloud: Cloud) -> None:
    answer = ActionFinished(
        action="query.run", effect_key="e-0", run_id=RUN, step="x", attempt=1, succeeded=True, output={}
    )
    assert on_action_finished.handler(sqs_event(answer), None) == {"batchItemFailures": []}


@pytest.mark.parametrize("code", ["TaskTimedOut", "TaskDoesNotExist", "InvalidToken"])
def test_nobody_waits_for_a_token_any_more(cloud: Cloud, code: str) -> None:
    client = boto3.client("stepfunctions")
    with Stubber(client) as stub:
        stub.add_client_error("send_task_success", code)
        stub.add_client_error("send_task_heartbeat", code)
        callbacks = StepFunctionsCallbacks(client)
        assert not callbacks.succeed("t", {"outcome": "ok"})
        assert not callbacks.heartbeat("t")


def test_a_token_is_told(cloud: Cloud) -> None:
    client = boto3.client("stepfunctions")
    with Stubber(client) as stub:
        stub.add_response("send_task_success", {}, {"taskToken": "t", "output": '{"outcome":"ok"}'})
        stub.add_response("send_task_heartbeat", {}, {"taskToken": "t"})
        stub.add_client_error("send_task_success", "InvalidOutput")
        callbacks = StepFunctionsCallbacks(client)
        assert callbacks.succeed("t", {"outcome": "ok"})
        assert callbacks.heartbeat("t")
        with pytest.raises(ClientError):
            callbacks.succeed("t", {})


# --- credentials ---


def test_a_credential_is_of_its_tenant(cloud: Cloud) -> None:
    credentials = SecretCredentials("onyx/test/tenants/")
    assert credentials.get(ACME, "api").headers == {"Authorization": SECRET}
    for tenant, name in ((GLOBEX, "api"), (ACME, "none"), (ACME, "../api"), (ACME, "a/b"), (ACME, "")):
        with pytest.raises(ActionFailed) as caught:
            credentials.get(tenant, name)
        assert (caught.value.code, caught.value.retryable) == ("CREDENTIAL_UNKNOWN", False)


@pytest.mark.parametrize(
    "text",
    ["not json " + SECRET, "[]", "{}", '{"host": 1}', '{"host": "a", "headers": []}',
     '{"host": "a", "headers": {"A b": "x"}}', '{"host": "a", "headers": {"A": "x\\r\\nB: y"}}'],
)  # fmt: skip
def test_a_credential_that_is_none_does_not_show_itself(cloud: Cloud, text: str) -> None:
    boto3.client("secretsmanager").create_secret(
        Name="onyx/test/tenants/acme/workflow/bad", SecretString=text
    )
    with pytest.raises(ActionFailed) as caught:
        SecretCredentials("onyx/test/tenants/").get(ACME, "bad")
    assert caught.value.code == "CREDENTIAL_INVALID"
    assert caught.value.__cause__ is None
    assert "sk-live" not in caught.value.message


def test_time_in_rows_is_after_a_year_over(cloud: Cloud) -> None:
    cloud.ask("begin")
    cloud.ask("step", "names")
    row = boto3.client("dynamodb").get_item(
        TableName="step-journal",
        Key={"pk": {"S": f"TENANT#acme#RUN#{RUN}"}, "sk": {"S": "STEP##names"}},
    )["Item"]
    assert int(row["ttl"]["N"]) > (NOW + timedelta(days=365)).timestamp()


# --- mail ---


def mail(sender: str, addresses: tuple[str, ...] = ("ops@example.com",)) -> Mapping[str, Any]:
    SettingStore(TenantTable("setting")).save_channel(ACME, Channel("mail", "email", addresses=addresses))
    action = Notify(
        SettingStore(TenantTable("setting")),
        SecretCredentials("onyx/test/tenants/"),
        HttpClient(),
        lambda: boto3.client("sesv2"),
        sender,
    )
    given = {"channel": "mail", "subject": "Cost\nis up", "text": "by a third", "facts": {"team": "web"}}
    return action.do(ActionCall(ACME, "e-42", 1, given, None, 5))


def test_mail_goes_by_ses(cloud: Cloud) -> None:
    boto3.client("ses").verify_email_identity(EmailAddress="onyx@example.com")
    assert mail("onyx@example.com")["message_id"]
    assert int(boto3.client("ses").get_send_quota()["SentLast24Hours"]) == 1


@pytest.mark.parametrize("sender", ["stranger@example.com", ""])
def test_mail_that_cannot_be_sent_says_so(cloud: Cloud, sender: str) -> None:
    with pytest.raises(ActionFailed) as caught:
        mail(sender)
    assert caught.value.code == ("MAIL_REFUSED" if sender else "CHANNEL_INVALID")
    assert (caught.value.retryable, caught.value.unknown) == (False, False)
