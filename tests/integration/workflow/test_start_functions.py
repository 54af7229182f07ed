"""State machines, executions, schedules and the jobs round them, over the emulator."""

import json
import logging
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from services.workflow.adapters.executions import StepFunctionsExecutions, execution_arn
from services.workflow.adapters.schedules import SCHEDULED, Schedules
from services.workflow.adapters.start_settings import PublishSettings
from services.workflow.adapters.state_machines import StateMachines
from services.workflow.application.webhooks import Post, sign
from services.workflow.domain.definition import CronTrigger
from services.workflow.domain.naming import execution_input
from services.workflow.domain.run import RunStatus
from services.workflow.events import CronDue, RunFinished, RunRequested
from services.workflow.handlers import (
    on_cron,
    on_event,
    on_execution_ended,
    on_run_requested,
    reconcile,
    start_wiring,
)
from shared import aws
from shared.config import load_settings
from shared.errors import NotFound, TooManyRequests, Unavailable
from shared.events import Envelope, Event, envelope, parse_bridge
from shared.tenancy import TenantId
from tests.fakes.cost_center_cloud import emulator
from tests.fakes.messages import bridge_body, bridge_event, sqs_record
from tests.fakes.tables import create_table
from tests.fakes.workflow_start import ACME, INPUTS, OTHER, event, person, workflow_text
from tests.fakes.workflow_tables import create_execution_table

REGION, ACCOUNT = "us-east-1", "000000000000"
MACHINES = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/any"
BUS = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/onyx-test"
WAITS = json.dumps({"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 600, "End": True}}})
PASSES = json.dumps({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}})
TABLES = ("WORKFLOW", "VERSION", "TRIGGER", "GLOBAL_TRIGGER", "STEP_JOURNAL", "SETTING", "AUDIT", "INBOX")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with emulator(tmp_path_factory.mktemp("emulator")) as url:
        yield url


@pytest.fixture
def cloud(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Any]]:
    """Clients of an empty account."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.setenv(name, REGION)
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    aws.clear_clients()
    yield aws.client
    states, scheduler = aws.client("stepfunctions"), aws.client("scheduler")
    for each in states.list_state_machines()["stateMachines"]:
        states.delete_state_machine(stateMachineArn=each["stateMachineArn"])
    for each in scheduler.list_schedules()["Schedules"]:
        scheduler.delete_schedule(Name=each["Name"], GroupName=each["GroupName"])
    for name in aws.dynamodb().list_tables()["TableNames"]:
        aws.dynamodb().delete_table(TableName=name)
    aws.clear_clients()


# --- state machines ---


@pytest.fixture
def machines(cloud: Callable[[str], Any]) -> StateMachines:
    return StateMachines("onyx-test-", MACHINES, ROLE)


def test_each_publication_is_a_version_of_one_machine(machines: StateMachines) -> None:
    first = machines.publish(ACME, "report", 1, WAITS)
    second = machines.publish(ACME, "report", 2, PASSES)
    assert first == f"{MACHINES}onyx-test-acme_report:1"
    assert [each.arn for each in machines.versions(ACME, "report")] == [second, first]
    assert machines.versions(OTHER, "report") == []
    assert machines.count() == 1
    described = aws.client("stepfunctions").describe_state_machine(stateMachineArn=first)
    assert json.loads(described["definition"]) == json.loads(WAITS)
    tags = aws.client("stepfunctions").list_tags_for_resource(resourceArn=first.rpartition(":")[0])["tags"]
    assert {each["key"]: each["value"] for each in tags} == {"tenant": "acme", "workflow": "report"}


def test_what_a_dead_publication_made_is_found_again(machines: StateMachines) -> None:
    made = [machines.publish(ACME, "report", number, WAITS) for number in (1, 1, 2, 2)]
    assert made[0] == made[1] != made[2] == made[3]
    assert len(machines.versions(ACME, "report")) == 2


def test_versions_and_machines_go(machines: StateMachines) -> None:
    first = machines.publish(ACME, "report", 1, WAITS)
    machines.publish(ACME, "report", 2, PASSES)
    machines.delete_version(first)
    assert len(machines.versions(ACME, "report")) == 1
    machines.delete(ACME, "report")
    assert machines.versions(ACME, "report") == []
    assert machines.count() == 0


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("ThrottlingException", TooManyRequests),
        ("ConflictException", Unavailable),
        ("StateMachineDeleting", Unavailable),
        ("StateMachineLimitExceeded", Unavailable),
        ("AccessDeniedException", ClientError),
    ],
)
def test_what_step_functions_says_otherwise(code: str, error: type[Exception]) -> None:
    client = boto3.client("stepfunctions", region_name=REGION)
    with Stubber(client) as stub:
        stub.add_client_error("delete_state_machine_version", code)
        with pytest.raises(error):
            StateMachines("onyx-test-", MACHINES, ROLE, client).delete_version(f"{MACHINES}x:1")


# --- executions ---


def test_an_execution_is_started_once_by_its_name(machines: StateMachines) -> None:
    executions, run = StepFunctionsExecutions(), "r-" + "1" * 32
    machine = machines.publish(ACME, "report", 1, WAITS)
    assert executions.status(machine, run) is None
    executions.stop(machine, run, "it is not there")
    assert executions.start(machine, run, execution_input(run))
    assert not executions.start(machine, run, {"run": run, "mode": "run", "at": "other"})
    assert executions.status(machine, run) == "RUNNING"
    newer = machines.publish(ACME, "report", 2, PASSES)
    assert executions.status(newer, run) == "RUNNING", "whichever version is asked by"
    executions.stop(machine, run, "enough")
    assert executions.status(machine, run) == "ABORTED"
    executions.stop(machine, run, "again")
    assert not executions.start(machine, run, execution_input(run))


def test_a_version_that_was_collected(machines: StateMachines) -> None:
    machine = machines.publish(ACME, "report", 1, WAITS)
    machines.publish(ACME, "report", 2, WAITS)
    machines.delete_version(machine)
    with pytest.raises(NotFound) as refused:
        StepFunctionsExecutions().start(machine, "r-1", {})
    assert refused.value.code == "MACHINE_GONE"


def test_throttling() -> None:
    client = boto3.client("stepfunctions", region_name=REGION)
    with Stubber(client) as stub:
        stub.add_client_error("start_execution", "ThrottlingException")
        stub.add_client_error("describe_execution", "ThrottlingException")
        executions = StepFunctionsExecutions(client)
        with pytest.raises(TooManyRequests):
            executions.start(f"{MACHINES}x:1", "r-1", {})
        with pytest.raises(TooManyRequests):
            executions.status(f"{MACHINES}x:1", "r-1")


def test_the_arn_of_an_execution() -> None:
    expected = f"arn:aws:states:{REGION}:{ACCOUNT}:execution:onyx-test-acme_report:r-1"
    for version in ("", ":7"):
        assert execution_arn(f"{MACHINES}onyx-test-acme_report{version}", "r-1") == expected


# --- schedules ---


def test_a_schedule_is_made_once_and_says_what_is_due(cloud: Callable[[str], Any]) -> None:
    cloud("scheduler").create_schedule_group(Name="onyx-test")
    schedules = Schedules("onyx-test", BUS, ROLE)
    daily = CronTrigger("daily", "0 8 * * ? *", "Europe/Lisbon")
    names = {schedules.ensure(tenant, "report", daily) for tenant in (ACME, ACME, OTHER)}
    assert len(names) == 2
    mine = schedules.name(ACME, "report", daily)
    assert schedules.names(ACME) == {mine}
    assert schedules.names(TenantId("acm")) == frozenset()
    made = cloud("scheduler").get_schedule(Name=mine, GroupName="onyx-test")
    assert (made["ScheduleExpression"], made["ScheduleExpressionTimezone"]) == (
        "cron(0 8 * * ? *)",
        "Europe/Lisbon",
    )
    target = made["Target"]
    assert target["Arn"] == BUS
    body = {
        "detail": json.loads(target["Input"].replace(SCHEDULED, "2026-11-20T08:00:00Z")),
        "detail-type": target["EventBridgeParameters"]["DetailType"],
        "source": target["EventBridgeParameters"]["Source"],
    }
    env, due = parse_bridge(body, CronDue)
    assert isinstance(due, CronDue)
    assert (env.tenant, due.workflow, due.trigger) == (ACME, "report", "daily")
    assert due.scheduled_at == env.time == datetime(2026, 11, 20, 8, tzinfo=UTC)
    for _ in range(2):
        schedules.delete(mine)
    assert schedules.names(ACME) == frozenset()
    assert len(schedules.names(OTHER)) == 1


# --- the jobs, as Lambda calls them ---

TRIGGERS = """  - name: bills
    event: BillIngested.v1
    inputs: {bill: "${event.bill_id}"}
  - name: daily
    cron: "* * * * ? *"
    inputs: {bill: "${event.scheduled_at}"}
  - name: hook
    webhook: true
    inputs: {bill: "${event.bill}"}"""


class Context:
    def get_remaining_time_in_millis(self) -> int:
        return 50_000


class Jobs:
    """The functions, and the outbox as what is on the bus."""

    def __init__(self) -> None:
        self.settings = load_settings(PublishSettings)
        self.runs = start_wiring.run_store("execution", "outbox")
        self.read: set[str] = set()

    def deliver(self, handler: Callable[[dict[str, Any], Any], Any], *envs: Envelope) -> list[str]:
        """The ids of the messages that failed."""
        records = [sqs_record(bridge_body(env), message_id=env.id) for env in envs]
        return [
            each["itemIdentifier"] for each in handler({"Records": records}, Context())["batchItemFailures"]
        ]

    def told(self, kind: type[Event]) -> list[Envelope]:
        """What the outbox holds of this kind that was not read before."""
        rows = aws.dynamodb().scan(TableName="outbox")["Items"]
        found = [Envelope.model_validate_json(row["envelope"]["S"]) for row in rows]
        new = [env for env in found if env.type == kind.detail_type() and env.id not in self.read]
        self.read |= {env.id for env in new}
        return new

    def status(self, run: str, tenant: TenantId = ACME) -> RunStatus:
        found = self.runs.get(tenant, run)
        assert found is not None
        return found.status


@pytest.fixture
def jobs(cloud: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[Jobs]:
    environment = {f"{name}_TABLE": name.lower() for name in (*TABLES, "EXECUTION", "OUTBOX")} | {
        "ARTIFACT_BUCKET": "artifacts",
        "MACHINE_PREFIX": "onyx-test-",
        "BUS_ARN": BUS,
        "STATES_ROLE_ARN": ROLE,
        "DISPATCHER_ARN": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:none",
        "SCHEDULER_ROLE_ARN": ROLE,
        "SCHEDULE_GROUP": "default",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    for name in TABLES:
        create_table(cloud("dynamodb"), name.lower())
    create_table(cloud("dynamodb"), "outbox", outbox=True)
    create_execution_table(cloud("dynamodb"))
    cloud("s3").create_bucket(Bucket="artifacts")
    cached = (on_event.consumer, on_cron.consumer, on_run_requested.consumer, on_execution_ended.use_case)
    for each in (*cached, start_wiring.webhooks, load_settings):
        each.cache_clear()
    logging.getLogger("service_undefined").setLevel(logging.CRITICAL)
    made = Jobs()
    start_wiring.publish(made.settings)(person(), workflow_text(triggers=TRIGGERS, more=INPUTS))
    yield made
    for each in (*cached, start_wiring.webhooks, load_settings):
        each.cache_clear()


def test_from_an_event_to_the_end_of_its_execution(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    assert jobs.deliver(on_event.handler, event("e-1"), event("e-2", OTHER), event("e-1")) == []
    (asked,) = jobs.told(RunRequested)
    run = asked.data["run_id"]
    for _ in range(2):
        assert jobs.deliver(on_run_requested.handler, asked) == []
    assert jobs.status(run) is RunStatus.STARTING
    published = start_wiring.version_store("version", "artifacts").get(ACME, "report", 1)
    assert published is not None
    assert published.machine is not None
    executions = StepFunctionsExecutions()
    assert executions.status(published.machine, run) == "RUNNING"
    executions.stop(published.machine, run, "somebody stops it by hand")
    body = {
        "source": "aws.states",
        "detail-type": "Step Functions Execution Status Change",
        "detail": {
            "status": "ABORTED",
            "name": run,
            "stateMachineArn": published.machine.rpartition(":")[0],
        },
    }
    for _ in range(2):
        record = sqs_record(json.dumps(body))
        assert on_execution_ended.handler({"Records": [record]}, None) == {"batchItemFailures": []}
    assert jobs.status(run) is RunStatus.CANCELLED
    (told,) = jobs.told(RunFinished)
    assert aws.sqs().create_queue(QueueName="queue")["QueueUrl"]
    with monkeypatch.context() as patched:
        patched.setattr("services.workflow.application.run_queue.RunQueue.drain", busy)
        assert jobs.deliver(on_run_requested.handler, told) == [told.id]
    sealed = jobs.runs.get(ACME, run)
    assert sealed is not None
    assert sealed.audit_head is not None, "also where what waits cannot be started"
    assert jobs.deliver(on_run_requested.handler, told) == []


def busy(*_: Any) -> int:
    raise TooManyRequests("Step Functions starts no more now")


def test_reconciling_seals_what_ended_and_tells_again_what_was_answered(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.workflow.application.tend_runs.SETTLING", timedelta(0))
    jobs.deliver(on_event.handler, event("e-1"), event("e-2"))
    asked = jobs.told(RunRequested)
    assert jobs.deliver(on_run_requested.handler, *asked) == []
    over, going_on = (jobs.runs.get(ACME, each.data["run_id"]) for each in asked)
    assert over is not None
    assert going_on is not None
    jobs.runs.change(ACME, over, replace(over, status=RunStatus.FAILED, ended_at=datetime.now(UTC)), [])
    jobs.runs.change(ACME, going_on, replace(going_on, status=RunStatus.RUNNING))
    resent: list[str] = []
    monkeypatch.setattr(
        "services.workflow.application.answers.Answers.resend", lambda _, tenant, run: resent.append(run)
    )
    assert reconcile.handler({}, Context())["Runs"] == 1
    sealed = jobs.runs.get(ACME, over.id)
    assert sealed is not None
    assert sealed.audit_head is not None
    assert resent == [going_on.id]
    assert reconcile.handler({}, Context())["Runs"] == 0


def test_a_schedules_time(jobs: Jobs) -> None:
    at = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
    due = CronDue(tenant=ACME, workflow="report", trigger="daily", scheduled_at=at)
    env = envelope(due, tenant=ACME, id="due", time=at)
    for _ in range(2):
        assert jobs.deliver(on_cron.handler, env) == []
    (asked,) = jobs.told(RunRequested)
    assert datetime.fromisoformat(asked.data["inputs"]["bill"]) == at


def test_a_webhook(jobs: Jobs) -> None:
    hooks = start_wiring.webhooks()
    hook, secret = hooks.rotate(person(), "report", "hook")
    body, sent = b'{"bill": "b"}', str(int(time.time()))
    headers = {
        "webhook-id": "m-1",
        "webhook-timestamp": sent,
        "webhook-signature": sign(secret, "m-1", sent, body),
    }
    (run,) = hooks.receive(Post(hook, headers, body))
    assert [each.data["run_id"] for each in jobs.told(RunRequested)] == [run]


def test_poison_ends_in_the_failure_rows_and_holds_up_nothing(jobs: Jobs) -> None:
    queue = aws.sqs().create_queue(QueueName="queue")["QueueUrl"]
    assert queue
    bad = sqs_record("no JSON", message_id="bad")
    good = sqs_record(bridge_body(event("e-1")), message_id="good")
    answer = on_event.handler({"Records": [bad, good]}, Context())
    assert [each["itemIdentifier"] for each in answer["batchItemFailures"]] == ["bad"]
    assert len(jobs.told(RunRequested)) == 1
    strange = sqs_record(
        json.dumps(bridge_event(event("e-2")) | {"detail": {"name": "x"}}), message_id="strange"
    )
    answer = on_execution_ended.handler({"Records": [strange]}, Context())
    assert [each["itemIdentifier"] for each in answer["batchItemFailures"]] == ["strange"]
    assert len(aws.dynamodb().scan(TableName="inbox")["Items"]) == 2


def test_reconciling(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs.deliver(on_event.handler, event("e-1"))
    (asked,) = jobs.told(RunRequested)
    run = asked.data["run_id"]
    made = RunRequested.model_validate(asked.data)
    scheduler = aws.client("scheduler")
    for each in scheduler.list_schedules()["Schedules"]:
        scheduler.delete_schedule(Name=each["Name"], GroupName=each["GroupName"])
    # A process died after it had made the run: nothing else will ever start it.
    with monkeypatch.context() as patched:
        patched.setattr("services.workflow.application.run_queue.RunQueue._start", lambda *_: None)
        on_run_requested.consumer()._handle(asked, made)
    assert jobs.status(run) is RunStatus.QUEUED
    done = reconcile.handler({}, Context())
    assert done["Drained"] == 1
    assert jobs.status(run) is RunStatus.STARTING
    duties = reconcile.Duties(load_settings(reconcile.ReconcileSettings), lambda: False)
    assert duties._workflows.mend_schedules(ACME) == 1
    assert len(scheduler.list_schedules()["Schedules"]) == 1
    assert duties._workflows.mend_schedules(ACME) == 0
