"""Publishing's and starting's stores: one suite over DynamoDB (moto) and over the doubles in memory."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from services.workflow.adapters.global_trigger_store import GlobalTriggerStore
from services.workflow.adapters.limit_store import LimitStore
from services.workflow.adapters.open_index import JobMarks
from services.workflow.adapters.run_requests import RunRequests
from services.workflow.adapters.run_store import RunStore
from services.workflow.adapters.setting_store import SettingStore
from services.workflow.adapters.trigger_store import HookStore, TriggerStore
from services.workflow.adapters.version_store import VersionStore
from services.workflow.adapters.workflow_store import WorkflowStore
from services.workflow.domain.definition import (
    CronTrigger,
    EventTrigger,
    ManualTrigger,
    Missed,
    WebhookTrigger,
)
from services.workflow.domain.parsing import parse
from services.workflow.domain.ports import Published
from services.workflow.domain.run import Failure, Run, RunStatus
from services.workflow.domain.runtime_ports import Channel
from services.workflow.domain.workflow import (
    GlobalTrigger,
    Hook,
    HookSecret,
    Publication,
    TenantLimits,
    TriggerSet,
    Workflow,
)
from services.workflow.events import RunFinished, WorkflowDeleted
from shared.clock import FixedClock
from shared.errors import NotFound, VersionConflict
from shared.events import envelope
from shared.ids import SequenceIds
from shared.outbox import Outbox
from shared.page_keys import PageKeys
from shared.table import TenantTable
from shared.table_writes import row_key
from tests.fakes.tables import create_table
from tests.fakes.workflow_start import (
    ACME,
    OTHER,
    START,
    FakeGlobalTriggers,
    FakeHooks,
    FakeMarks,
    FakeQueuedRuns,
    FakeRequests,
    FakeSettings,
    FakeStartLimits,
    FakeTriggers,
    FakeVersions,
    FakeWorkflows,
    workflow_text,
)
from tests.fakes.workflow_stores import FakeBus
from tests.fakes.workflow_tables import create_execution_table

BUCKET = "artifacts"


@dataclass
class Stores:
    workflows: Any
    triggers: Any
    versions: Any
    runs: Any
    limits: Any
    hooks: Any
    everyones: Any
    requests: Any
    marks: Any
    settings: Any
    told: Callable[[], list[str]]
    """Types of the events that left, in no order."""


def faked() -> Stores:
    bus, requests, triggers = FakeBus(), FakeRequests(), FakeTriggers()
    return Stores(
        workflows=FakeWorkflows(triggers, bus),
        triggers=triggers,
        versions=FakeVersions(),
        runs=FakeQueuedRuns(bus),
        limits=FakeStartLimits(),
        hooks=FakeHooks(),
        everyones=FakeGlobalTriggers(),
        requests=requests,
        marks=FakeMarks(),
        settings=FakeSettings(),
        told=lambda: [e.detail_type() for _, e in bus.told] + [e.type for e in requests.sent.values()],
    )


def real() -> Stores:
    client = boto3.client("dynamodb", region_name="us-east-1")
    s3 = boto3.client("s3", region_name="us-east-1")
    s3.create_bucket(Bucket=BUCKET)
    for name in ("workflow", "version", "trigger", "everyones", "setting"):
        create_table(client, name)
    create_table(client, "outbox", outbox=True)
    create_execution_table(client)

    def table(name: str) -> TenantTable:
        return TenantTable(name, client, PageKeys(b"a secret of these tests only!!!!"))

    clock, ids, outbox = FixedClock(START), SequenceIds("event"), Outbox("outbox", client)
    triggers = TriggerStore(table("trigger"))
    return Stores(
        workflows=WorkflowStore(table("workflow"), triggers, outbox, clock, ids),
        triggers=triggers,
        versions=VersionStore(table("version"), BUCKET, s3),
        runs=RunStore(table("execution"), outbox, clock, ids),
        limits=LimitStore(table("execution")),
        hooks=HookStore(table("trigger")),
        everyones=GlobalTriggerStore("everyones", client),
        requests=RunRequests(outbox),
        marks=JobMarks(table("execution")),
        settings=SettingStore(table("setting")),
        told=lambda: [row["detail_type"]["S"] for row in client.scan(TableName="outbox")["Items"]],
    )


@pytest.fixture(params=["in memory", "DynamoDB"])
def stores(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stores]:
    if request.param == "in memory":
        yield faked()
        return
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        yield real()


ROW = Workflow("report", "Report", START, "ann", reserved=1, publishing=Publication(1, "c", "ann", START))
SET = TriggerSet(
    "report",
    1,
    (
        EventTrigger(
            "bills", "BillIngested.v1", {"n": [{"numeric": [">", Decimal("0.1")]}]}, "a > b", {"x": 1}
        ),
        CronTrigger("daily", "0 8 * * ? *", "Europe/Lisbon", Missed.RUN_ALL, {"y": ["z", None]}),
        WebhookTrigger("hook", None, {"w": "${event.a}"}),
        ManualTrigger("hand"),
    ),
    START,
    "ann",
    unchanged={"daily": START - timedelta(days=9)},
)
RUN = Run(
    "r-" + "1" * 32,
    "report",
    3,
    RunStatus.QUEUED,
    "bills",
    "e-1",
    "ann",
    START,
    inputs={"a": 1, "deep": [[{"b": None}]]},
    event={"text": "x" * 10_000},
    depth=2,
    requesters=("bob", "cleo"),
)


def run(number: int, workflow: str = "report") -> Run:
    id = f"r-{number:032d}"
    return replace(RUN, id=id, workflow=workflow, created_at=START + timedelta(seconds=number))


def ended(before: Run, status: RunStatus = RunStatus.SUCCEEDED) -> Run:
    return replace(before, status=status, ended_at=START + timedelta(hours=1))


def finished(number: int) -> RunFinished:
    return RunFinished(
        tenant=ACME,
        workflow="report",
        run_id=f"r-{number:032d}",
        workflow_version=3,
        status="succeeded",
        ended_at=START,
    )


# --- workflows and triggers ---


def test_a_workflow_is_written_under_its_version(stores: Stores) -> None:
    first = stores.workflows.save(ACME, ROW)
    assert stores.workflows.get(ACME, "report") == first == replace(ROW, rowversion=1)
    assert stores.workflows.get(OTHER, "report") is None
    for stale in (ROW, replace(ROW, rowversion=7)):
        with pytest.raises(VersionConflict):
            stores.workflows.save(ACME, stale)


def test_a_move_is_all_or_nothing(stores: Stores) -> None:
    saved = stores.workflows.save(ACME, ROW)
    event = WorkflowDeleted(tenant=ACME, workflow="report", by="ann", deleted_at=START)
    moved = stores.workflows.move(ACME, replace(saved, current=1, publishing=None), SET, [event])
    assert stores.workflows.get(ACME, "report") == moved
    assert stores.triggers.get(ACME, "report") == SET
    assert stores.triggers.every(ACME) == [SET]
    assert stores.triggers.generation(ACME) == 1
    assert stores.told() == ["WorkflowDeleted.v1"]
    with pytest.raises(VersionConflict):
        stores.workflows.move(ACME, saved, replace(SET, active=False), [event])
    assert stores.triggers.get(ACME, "report") == SET
    assert (stores.triggers.generation(ACME), len(stores.told())) == (1, 1)
    assert stores.triggers.generation(OTHER) == 0
    assert (stores.triggers.every(OTHER), stores.triggers.get(OTHER, "report")) == ([], None)


def test_workflows_in_pages(stores: Stores) -> None:
    for name in ("abc", "abd", "abe"):
        stores.workflows.save(ACME, replace(ROW, id=name))
    stores.workflows.save(OTHER, replace(ROW, id="abf"))
    page = stores.workflows.page(ACME, limit=2, cursor=None)
    assert [each.id for each in page.rows] == ["abc", "abd"]
    page = stores.workflows.page(ACME, limit=2, cursor=page.cursor)
    assert ([each.id for each in page.rows], page.cursor) == (["abe"], None)
    assert [each.id for each in stores.workflows.every(ACME)] == ["abc", "abd", "abe"]


def test_what_a_schedule_has_seen_moves_forward_only(stores: Stores) -> None:
    assert stores.triggers.seen(ACME, "report", "daily") is None
    for hours in (2, 1):
        stores.triggers.saw(ACME, "report", "daily", START + timedelta(hours=hours))
    assert stores.triggers.seen(ACME, "report", "daily") == START + timedelta(hours=2)
    assert stores.triggers.seen(OTHER, "report", "daily") is None


def test_hooks(stores: Stores) -> None:
    hook = Hook(
        "acme.1", "report", "hook", (HookSecret("whsec_a", START), HookSecret("whsec_b", START, START))
    )
    saved = stores.hooks.save(ACME, hook)
    assert stores.hooks.get(ACME, "acme.1") == saved == replace(hook, rowversion=1)
    assert stores.hooks.get(OTHER, "acme.1") is None
    with pytest.raises(VersionConflict):
        stores.hooks.save(ACME, hook)
    stores.hooks.save(ACME, replace(hook, id="acme.2", workflow="other"))
    assert (stores.hooks.of(ACME, "report"), stores.hooks.of(OTHER, "report")) == (["acme.1"], [])
    stores.hooks.remove(ACME, "acme.1")
    assert stores.hooks.get(ACME, "acme.1") is None
    assert stores.triggers.every(ACME) == []


def test_everyones_triggers(stores: Stores) -> None:
    made = GlobalTrigger(
        "restated", "BillRestated.v1", "report", {"n": [Decimal("0.5")]}, {"a": "${event.b}"}
    )
    stores.everyones.put(made)
    assert list(stores.everyones.every()) == [made]
    stores.everyones.remove("restated")
    assert (list(stores.everyones.every()), stores.everyones.generation()) == ([], 2)


# --- versions ---


def published(number: int = 1, more: str = "") -> Published:
    source = workflow_text(more=more)
    return Published("report", number, source, parse(source), '{"a":1}', None, "ann", START, "c1")


def test_a_version_never_changes(stores: Stores) -> None:
    first = published()
    assert stores.versions.add(ACME, first)
    assert not stores.versions.add(ACME, replace(first, asl="other", published_by="bob"))
    assert stores.versions.get(ACME, "report", 1) == first
    stores.versions.ready(ACME, "report", 1, "arn:1")
    ready = replace(first, machine="arn:1")
    assert stores.versions.get(ACME, "report", 1) == ready
    assert stores.versions.get(ACME, "report", 1) == ready, "also when it is read from memory"
    assert dict(stores.versions.numbers(ACME, "report")) == {1: (START, "arn:1")}
    stores.versions.retire(ACME, "report", 1)
    assert stores.versions.get(ACME, "report", 1) == replace(ready, retired=True)
    assert dict(stores.versions.numbers(ACME, "report")) == {1: (START, None)}
    stores.versions.ready(ACME, "report", 1, "arn:1")
    assert stores.versions.get(ACME, "report", 1) == ready
    for tenant, number in ((OTHER, 1), (ACME, 2)):
        assert stores.versions.get(tenant, "report", number) is None
        with pytest.raises(NotFound):
            stores.versions.ready(tenant, "report", number, "arn:2")
    assert dict(stores.versions.numbers(OTHER, "report")) == {}


def test_a_version_too_large_for_a_row_lies_in_the_tenants_prefix() -> None:
    with mock_aws():
        stores = real()
        # Hard to pack, as no text of a person is.
        noise = "".join(f"{n * 2654435761 % 2**32:08x}" for n in range(100_000))
        large = replace(published(), asl=json.dumps(noise))
        assert stores.versions.add(ACME, large)
        assert stores.versions.get(ACME, "report", 1) == large
        listed = boto3.client("s3", region_name="us-east-1").list_objects_v2(Bucket=BUCKET)["Contents"]
        assert [each["Key"].startswith("acme/workflows/report/1/") for each in listed] == [True]


# --- runs ---


def test_a_run_is_made_once_with_its_events(stores: Stores) -> None:
    assert stores.runs.create(ACME, RUN, [finished(1)])
    assert not stores.runs.create(ACME, replace(RUN, cause="other"), [finished(1)])
    assert stores.runs.get(ACME, RUN.id) == replace(RUN, rowversion=1)
    assert stores.runs.get(OTHER, RUN.id) is None
    assert stores.told() == ["RunFinished.v1"]
    assert stores.runs.create(OTHER, RUN), "the same id is another tenant's own run"


def test_a_run_is_changed_under_its_version_with_its_events(stores: Stores) -> None:
    stores.runs.create(ACME, RUN)
    held = stores.runs.get(ACME, RUN.id)
    failure = Failure("CODE", "why", "step", "each[1]", retryable=True)
    after = replace(ended(held, RunStatus.FAILED), failure=failure, outputs={"a": [1]}, cancelled_by="bob")
    saved = stores.runs.change(ACME, held, after, [finished(1)])
    assert stores.runs.get(ACME, RUN.id) == saved == replace(after, rowversion=2)
    with pytest.raises(VersionConflict):
        stores.runs.change(ACME, held, after, [finished(1)])
    with pytest.raises(VersionConflict):
        stores.runs.change(OTHER, held, after)
    assert stores.told() == ["RunFinished.v1"]


def test_places_are_counted_with_the_run(stores: Stores) -> None:
    for number in range(3):
        stores.runs.create(ACME, run(number))
    taken = []
    for number in range(3):
        held = stores.runs.get(ACME, run(number).id)
        taken.append(stores.runs.take_place(ACME, held, replace(held, status=RunStatus.STARTING), 2))
    assert [each is not None for each in taken] == [True, True, False]
    assert stores.runs.running(ACME, "report") == 2
    assert [each.id for each in stores.runs.queued(ACME, "report", limit=9)] == [run(2).id]
    with pytest.raises(VersionConflict):
        stores.runs.take_place(ACME, replace(run(0), rowversion=1), taken[0], None)
    running = stores.runs.change(ACME, taken[0], replace(taken[0], status=RunStatus.RUNNING))
    assert stores.runs.running(ACME, "report") == 2
    stores.runs.change(ACME, running, ended(running))
    assert stores.runs.running(ACME, "report") == 1
    assert (stores.runs.running(OTHER, "report"), stores.runs.running(ACME, "other")) == (0, 0)
    assert list(stores.runs.queued(OTHER, "report", limit=9)) == []


def test_those_that_wait_are_listed_oldest_first(stores: Stores) -> None:
    for number in (2, 0, 1):
        stores.runs.create(ACME, run(number))
    stores.runs.create(ACME, replace(run(3), status=RunStatus.REFUSED, ended_at=START))
    assert [each.id for each in stores.runs.queued(ACME, "report", limit=2)] == [run(0).id, run(1).id]
    held = stores.runs.get(ACME, run(0).id)
    stores.runs.change(ACME, held, ended(held, RunStatus.CANCELLED))
    assert [each.id for each in stores.runs.queued(ACME, "report", limit=9)] == [run(1).id, run(2).id]


def test_runs_are_listed_newest_first_in_pages(stores: Stores) -> None:
    for number in range(5):
        stores.runs.create(ACME, run(number, "report" if number % 2 else "other"))
    stores.runs.create(OTHER, run(9))
    held = stores.runs.get(ACME, run(3).id)
    stores.runs.change(ACME, held, ended(held))

    def listed(workflow: str | None, status: RunStatus | None, limit: int) -> list[int]:
        found, cursor = [], None
        while True:
            page = stores.runs.of_workflow(ACME, workflow, status=status, limit=limit, cursor=cursor)
            found += [int(each.id.removeprefix("r-")) for each in page.rows]
            if (cursor := page.cursor) is None:
                return found

    assert listed(None, None, 2) == [4, 3, 2, 1, 0]
    assert listed("report", None, 1) == [3, 1]
    assert listed(None, RunStatus.QUEUED, 2) == [4, 2, 1, 0]
    assert listed("other", RunStatus.SUCCEEDED, 5) == []


def test_runs_of_all_tenants_that_are_not_settled(stores: Stores) -> None:
    for number in range(6):
        stores.runs.create(ACME if number % 2 else OTHER, run(number))
    for number in (1, 3):
        held = stores.runs.get(ACME, run(number).id)
        over = stores.runs.change(ACME, held, ended(held))
        if number == 1:
            stores.runs.change(ACME, over, replace(over, audit_head="sealed"))
    found = set()
    for shard in range(8):
        after: str | None = None
        while True:
            page, after = stores.runs.open(shard, after=after, limit=1)
            found |= {(tenant, each.id) for tenant, each in page}
            if after is None:
                break
    expected = {(ACME if number % 2 else OTHER, run(number).id) for number in (0, 2, 3, 4, 5)}
    assert found == expected


def test_a_row_that_cannot_be_read_hides_no_other_of_its_page() -> None:
    with mock_aws():
        stores = real()
        for number in range(16):
            stores.runs.create(ACME, run(number))
        client = boto3.client("dynamodb", region_name="us-east-1")
        client.update_item(
            TableName="execution",
            Key=row_key(ACME, f"RUN#{run(3).id}"),
            UpdateExpression="SET #status = :strange",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={":strange": {"S": "strange"}},
        )
        found = [each.id for shard in range(8) for _, each in stores.runs.open(shard, after=None, limit=9)[0]]
        assert sorted(found) == [run(number).id for number in range(16) if number != 3]


# --- limits, settings, requests, marks ---


def test_limits_count_per_window_tenant_and_workflow(stores: Stores) -> None:
    limits = stores.limits
    assert [limits.in_minute(ACME, "report", START, 2) for _ in range(3)] == [True, True, False]
    assert limits.in_minute(ACME, "other", START, 2)
    assert limits.in_minute(OTHER, "report", START, 2)
    assert limits.in_minute(ACME, "report", START + timedelta(minutes=1), 2)
    assert [limits.in_second(ACME, START, 1) for _ in range(2)] == [True, False]
    assert limits.in_second(OTHER, START, 1)
    assert limits.in_second(ACME, START + timedelta(seconds=1), 1)
    assert not limits.in_second(ACME, START + timedelta(seconds=2), 0)


def test_requests_are_sent_once(stores: Stores) -> None:
    made = [envelope(finished(n), tenant=ACME, id=f"run-{n}", time=START) for n in range(120)]
    stores.requests.send(made[:3])
    stores.requests.send(made)
    stores.requests.send(made[5:6])
    assert len(stores.told()) == 120


def cancelled(*codes: str) -> dict[str, Any]:
    return {
        "service_error_code": "TransactionCanceledException",
        "modeled_fields": {"CancellationReasons": [{"Code": code} for code in codes]},
    }


@pytest.mark.parametrize("batch", [False, True])
def test_a_request_that_met_another_transaction_is_not_taken_for_sent(batch: bool) -> None:
    client = boto3.client("dynamodb", region_name="us-east-1")
    made = [envelope(finished(n), tenant=ACME, id=f"run-{n}", time=START) for n in range(1 + batch)]
    with Stubber(client) as stub:
        if batch:
            codes = ("ConditionalCheckFailed", "TransactionConflict")
            stub.add_client_error("transact_write_items", **cancelled(*codes))
            stub.add_client_error("transact_write_items", **cancelled("ConditionalCheckFailed"))
        stub.add_client_error("transact_write_items", **cancelled("TransactionConflict"))
        with pytest.raises(VersionConflict):
            RunRequests(Outbox("outbox", client)).send(made)
        stub.assert_no_pending_responses()


def test_marks(stores: Stores) -> None:
    assert stores.marks.get("runs-0") is None
    stores.marks.put("runs-0", "here")
    assert stores.marks.get("runs-0") == "here"
    stores.marks.put("runs-0", None)
    assert stores.marks.get("runs-0") is None


def test_settings() -> None:
    with mock_aws():
        settings = real().settings
        assert settings.limits(ACME) == TenantLimits()
        for limit in (5, 6):
            settings.save_limits(ACME, TenantLimits(limit))
        assert settings.limits(ACME) == TenantLimits(6)
        assert settings.limits(OTHER) == TenantLimits()
        channel = Channel("team", "webhook", url="https://a.example/", addresses=("x@a.example",))
        settings.save_channel(ACME, channel)
        assert settings.get(ACME, "team") == channel
        assert settings.get(OTHER, "team") is None
        assert settings.channels(ACME) == [channel]
        settings.remove_channel(ACME, "team")
        assert settings.channels(ACME) == []
