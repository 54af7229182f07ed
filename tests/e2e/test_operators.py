"""What an operator sees and mends from the command line: given-up messages, events, what is stuck."""

import hashlib
import json
import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from infra.commands.channels import CONSUMERS
from shared.clock import SystemClock, iso
from shared.ids import UuidIds, deterministic_id
from shared.outbox import Outbox
from shared.sweeps import healed
from shared.tenancy import TenantId
from tests.e2e import killing
from tests.e2e.conftest import Platform, wait_for
from tests.e2e.samples import focus_bill

LANDING = "cost-center/LandedBills"
GIVEN_UP_WITHIN = 180


@dataclass(frozen=True)
class Missing:
    """An event of an object that is not there yet. It is tried five times, longer and longer apart."""

    tenant: str
    bucket: str
    key: str
    content: bytes
    message_id: str

    @property
    def delivery_id(self) -> str:
        return deterministic_id(self.bucket, self.key, hashlib.md5(self.content).hexdigest())  # noqa: S324


@pytest.fixture(scope="module")
def missing(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Missing:
    """Sent before the first test, so that its attempts run while the others are tested."""
    tenant = f"late-{uuid.uuid4().hex[:8]}"
    assert platform.onyx("tenant", "create", tenant).returncode == 0
    bucket, key = platform.output("lake", "LandingBucket"), f"{tenant}/focus/late.csv"
    content = focus_bill(tmp_path_factory.mktemp("late"), ["1.5", "2.25"]).read_bytes()
    etag = hashlib.md5(content).hexdigest()  # noqa: S324 - S3's own checksum
    event = {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Object Created",
        "source": "aws.s3",
        "detail": {"bucket": {"name": bucket}, "object": {"key": key, "size": len(content), "etag": etag}},
    }
    return Missing(tenant, bucket, key, content, send(platform, LANDING, json.dumps(event)))


def send(platform: Platform, channel: str, body: str) -> str:
    stack, name = channel.split("/")
    url = platform.output(stack, f"{name}QueueUrl")
    return str(platform.client("sqs").send_message(QueueUrl=url, MessageBody=body)["MessageId"])


def given_up(platform: Platform, channel: str, **having: Any) -> list[dict[str, Any]]:
    """Rows of `onyx dlq show` with these values."""
    rows = platform.rows("dlq", "show", channel, "--limit", "100")
    return [row for row in rows if all(row[name] == value for name, value in having.items())]


def test_poison_is_listed_and_told_with_its_reason_and_a_redrive_tries_it_again(
    platform: Platform, missing: Missing
) -> None:
    poison = f"not an event {uuid.uuid4()}"
    sent = send(platform, LANDING, poison)
    (told,) = wait_for(lambda: given_up(platform, LANDING, body=poison), "the message given up", 60)
    assert told["message_id"] == sent
    assert (told["code"], told["detail"]) == ("POISON_MESSAGE", "the body is not JSON")
    assert told["attempts"] >= 2
    assert told["failed_at"] > told["sent_at"]

    listed = {row["channel"]: row for row in platform.rows("dlq", "list")}
    assert listed[LANDING]["dead"] >= 1
    assert listed[LANDING]["oldest_seconds"] >= 0
    # Every channel has a consumer whose failure rows are found; relays have failure queues alone.
    ours = {name for name, row in listed.items() if row["depth"] is not None}
    assert {name for name in ours if not name.startswith("second-consumer/")} == set(CONSUMERS)
    assert {"cost-center/RelayFailures", "identity/RelayFailures"} <= set(listed)

    stuck = platform.onyx("status", "--check", "--format", "json")
    assert stuck.returncode == 1
    assert "dead-letter cost-center/LandedBills" in stuck.stderr
    (row,) = [row for row in json.loads(stuck.stdout)["stuck"] if row["where"] == LANDING]
    assert "POISON_MESSAGE: the body is not JSON" in row["why"]
    assert platform.onyx("status").returncode == 0

    (moved,) = platform.rows("dlq", "redrive", "landedbills", "--message-id", sent)
    assert moved == {"channel": LANDING, "redriven": 1}
    # It is poison still: its consumer tried it again, as a new message, and gave it up again.
    (again,) = wait_for(lambda: given_up(platform, LANDING, body=poison), "the message given up again", 60)
    assert again["message_id"] != sent
    assert (again["code"], again["attempts"] >= 2) == ("POISON_MESSAGE", True)


def test_a_message_for_another_consumer_tells_its_tenant_and_event(platform: Platform, tenant: str) -> None:
    event = str(uuid.uuid4())
    detail = {
        "specversion": "1.0",
        "id": event,
        "source": "onyx.cost-center",
        "type": "BillIngested.v1",
        "time": "2026-11-20T00:00:00Z",
        "dataschema": "urn:x",
        "tenantid": tenant,
        "correlationid": "delivery-1",
        "data": {},
    }
    body = {"detail-type": "BillIngested.v1", "source": "onyx.cost-center", "detail": detail}
    send(platform, "query-engine/BillIngested", json.dumps(body))
    (told,) = wait_for(
        lambda: given_up(platform, "query-engine/BillIngested", tenant=tenant), "the message given up", 60
    )
    assert (told["event_type"], told["correlation_id"]) == ("BillIngested.v1", "delivery-1")
    assert told["code"] == "POISON_MESSAGE"


def test_a_message_without_a_failure_row_was_killed_or_timed_out(platform: Platform) -> None:
    body = f"nobody saw this {uuid.uuid4()}"
    dead = platform.output("query-engine", "BillIngestedDlqUrl")
    platform.client("sqs").send_message(QueueUrl=dead, MessageBody=body)
    (told,) = given_up(platform, "BillIngested", body=body)
    assert (told["code"], told["detail"]) == (None, "no failure row: killed or timed out")


def test_events_tail_shows_what_went_over_the_bus(platform: Platform, tenant: str, tmp_path: Path) -> None:
    (bill,) = platform.rows("ingest", str(focus_bill(tmp_path, ["1.25", "2.5"])), "--tenant", tenant)
    tail = ("events", "tail", "--tenant", tenant, "--since", "10m", "--type", "BillIngested.v1")
    (event,) = wait_for(
        lambda: [row for row in platform.rows(*tail) if row["state"] == "published"], "the event on the bus"
    )
    assert (event["tenant"], event["type"]) == (tenant, "BillIngested.v1")
    assert event["data"]["bill_id"] == bill["bill_id"]
    assert event["correlation_id"] == event["data"]["delivery_id"]
    assert event["published_at"] >= event["time"]
    of_all = platform.rows("events", "tail", "--since", "10m")
    kinds = [row["type"] for row in of_all if row["tenant"] == tenant]
    assert (kinds[0], kinds[-1]) == ("TenantCreated.v1", "BillIngested.v1")
    assert [row["time"] for row in of_all] == sorted(row["time"] for row in of_all)


def failed_deliveries(platform: Platform, tenant: str) -> list[dict[str, Any]]:
    return platform.rows("bills", "--tenant", tenant, "--status", "failed")


def bring_back(platform: Platform, tenant: str) -> None:
    """Redrive the tenant's failed delivery, once its message is in the dead-letter queue; it is mended."""
    (failed,) = failed_deliveries(platform, tenant)
    wait_for(
        lambda: given_up(platform, LANDING, message_id=failed["message_id"]), "the message given up", 120
    )
    platform.rows("dlq", "redrive", LANDING, "--message-id", failed["message_id"])
    wait_for(lambda: platform.rows("bills", "--tenant", tenant), "the bill")
    wait_for(lambda: not failed_deliveries(platform, tenant), "the trouble to be resolved")


def test_an_ingest_that_fails_again_and_again_ends_with_the_reason(
    platform: Platform, tenant: str, tmp_path: Path
) -> None:
    other = f"{tenant}-other"
    assert platform.onyx("tenant", "create", other).returncode == 0
    # The ingester counts on two receives, so that the test need not wait out the back-off of five.
    broken = {"LAKE_BUCKET": "a-lake-that-is-not-there", "LANDING_RECEIVES": "2"}
    with killing.task_environment(platform, "ingester", broken):
        done = platform.onyx("ingest", str(focus_bill(tmp_path, ["1.25", "2.5"])), "--tenant", tenant)
        assert done.returncode == 1
        assert "failed and is tried again: " in done.stderr
        last = done.stderr.splitlines()[-1]
        # The queue itself has five, so more may have been spent when the command asked.
        assert re.search(r"\(tried [2-5] times\)", last), last
        assert "a-lake-that-is-not-there" in last
        assert "`onyx dlq show LandedBills`" in last
        wait_for(
            lambda: any(
                row["tenant"] == tenant for row in platform.rows("dlq", "show", LANDING, "-n", "100")
            ),
            "its message given up",
        )
    (failed,) = failed_deliveries(platform, tenant)
    assert "a-lake-that-is-not-there" in failed["reason"]
    assert failed["filename"] in platform.onyx("bills", "--tenant", tenant).stdout
    path = f"/v1/cost-center/deliveries/{failed['delivery_id']}"
    assert platform.http("GET", path, platform.token(tenant)).json()["status"] == "failed"
    assert platform.http("GET", path, platform.token(other)).status_code == 404
    assert failed_deliveries(platform, other) == []
    bring_back(platform, tenant)


@pytest.mark.long  # each time the queue waits for a heartbeat that does not come
@pytest.mark.timeout(600)
def test_a_delivery_whose_worker_is_killed_at_every_attempt_is_told_as_failed(
    platform: Platform, tenant: str, tmp_path: Path
) -> None:
    armed = killing.QUICK | killing.armed(tmp_path, "ingest: delivery opened")
    with killing.task_environment(platform, "ingester", armed):
        token = platform.token(tenant)
        granted = platform.http(
            "POST",
            "/v1/cost-center/uploads",
            token,
            json={"source": "focus", "filename": "bill.csv"},
        ).json()
        platform.client("s3").put_object(
            Bucket=granted["bucket"], Key=granted["key"], Body=focus_bill(tmp_path, ["1", "2"]).read_bytes()
        )
        for receive in range(1, 6):
            wait_for(lambda: killing.struck(tmp_path), f"kill {receive}", 120)
            if receive < 5:
                (tmp_path / "mark").unlink()
        (failed,) = wait_for(lambda: failed_deliveries(platform, tenant), "the silence to be told", 60)
        assert (failed["code"], failed["attempts"]) == ("KILLED", 5)
        assert "killed" in failed["reason"]
        bring_back(platform, tenant)


def test_a_relays_notes_are_redriven_by_publishing_what_is_pending(platform: Platform, tenant: str) -> None:
    lost, broken = (pending_row(platform, tenant) for _ in range(2))
    change(platform, broken, "SET envelope = :nonsense", {":nonsense": {"S": "{"}})
    note = {"requestContext": {"condition": "RetryAttemptsExhausted"}, "version": str(uuid.uuid4())}
    queue = platform.output("cost-center", "RelayFailuresUrl")
    platform.client("sqs").send_message(QueueUrl=queue, MessageBody=json.dumps(note))

    redrive = ("dlq", "redrive", "cost-center/RelayFailures", "--format", "json")
    try:
        done = platform.onyx(*redrive)
        assert done.returncode == 1
        (row,) = json.loads(done.stdout)["rows"]
        (left,) = [each for each in row["left"] if each["tenant"] == tenant]
        assert left["id"] == broken["sk"]["S"]
        assert left["why"].startswith("its row is no event")
        assert row["notes_left"] >= 1
        tail = platform.rows(
            "events", "tail", "--tenant", tenant, "--since", "1h", "--type", "SweepHealed.v1"
        )
        assert "published" in {each["state"] for each in tail if each["id"] == lost["sk"]["S"]}
    finally:
        platform.client("dynamodb").delete_item(
            TableName=platform.output("cost-center", "OutboxTable"), Key=broken
        )
    done = platform.onyx(*redrive)
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)["rows"]
    assert (row["notes_left"], row["left"]) == (0, [])
    assert given_up(platform, "cost-center/RelayFailures") == []


def pending_row(platform: Platform, tenant: str) -> dict[str, Any]:
    """The key of an outbox row that is pending for an hour and that the table's stream never told of."""
    word = healed("landing", TenantId(tenant), ["x"], clock=SystemClock(), ids=UuidIds())
    put = Outbox("unused").item(word)["Put"]
    item = {name: value for name, value in put["Item"].items() if name != "pending"}
    item["created_at"] = {"S": iso(datetime.now(UTC) - timedelta(minutes=50))}
    table = platform.output("cost-center", "OutboxTable")
    platform.client("dynamodb").put_item(TableName=table, Item=item)
    key = {name: item[name] for name in ("pk", "sk")}
    # The relay takes rows as they are inserted, and this one was not pending then.
    change(platform, key, "SET pending = :shard", {":shard": put["Item"]["pending"]})
    return key


def change(platform: Platform, key: dict[str, Any], expression: str, values: dict[str, Any]) -> None:
    platform.client("dynamodb").update_item(
        TableName=platform.output("cost-center", "OutboxTable"),
        Key=key,
        UpdateExpression=expression,
        ExpressionAttributeValues=values,
    )


@pytest.mark.long  # the back-off of a message that fails is real time
def test_once_its_cause_is_mended_a_redrive_brings_a_message_through(
    platform: Platform, missing: Missing
) -> None:
    (told,) = wait_for(
        lambda: given_up(platform, LANDING, message_id=missing.message_id),
        "the early message given up",
        GIVEN_UP_WITHIN,
    )
    assert (told["code"], told["tenant"]) == ("OBJECT_GONE", missing.tenant)
    assert missing.key in told["detail"]
    delivery = f"/v1/cost-center/deliveries/{missing.delivery_id}"
    token = platform.token(missing.tenant)
    failed = platform.http("GET", delivery, token).json()
    assert (failed["status"], failed["failure"]["code"], failed["failure"]["attempts"]) == (
        "failed",
        "OBJECT_GONE",
        5,
    )
    assert failed["failure"]["message_id"] == missing.message_id
    shown = platform.onyx("bills", "--tenant", missing.tenant).stdout
    assert "1 delivery failed" in shown
    assert "focus/late.csv" in shown
    assert missing.key in shown

    platform.client("s3").put_object(Bucket=missing.bucket, Key=missing.key, Body=missing.content)
    (moved,) = platform.rows("dlq", "redrive", LANDING, "--message-id", missing.message_id)
    assert moved["redriven"] == 1
    wait_for(lambda: platform.http("GET", delivery, token).json()["status"] == "done", "its delivery")
    assert "failed" not in platform.onyx("bills", "--tenant", missing.tenant).stdout
    assert given_up(platform, LANDING, tenant=missing.tenant) == []
    # S3 told of the same object too; the money is counted once.
    wait_for(lambda: platform.rows("bills", "--tenant", missing.tenant), "the bill")
    cost = ("costs", "--tenant", missing.tenant, "--metric", "BilledCost", "--granularity", "total")
    wait_for(lambda: [row["BilledCost"] for row in platform.rows(*cost)] == ["3.75"], "its cost, once")
