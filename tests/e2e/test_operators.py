"""What an operator sees and mends from the command line: given-up messages, events, what is stuck."""

import hashlib
import json
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from infra.commands.channels import CONSUMERS
from shared.ids import deterministic_id
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
    assert platform.http("GET", delivery, token).json()["status"] == "processing"

    platform.client("s3").put_object(Bucket=missing.bucket, Key=missing.key, Body=missing.content)
    (moved,) = platform.rows("dlq", "redrive", LANDING, "--message-id", missing.message_id)
    assert moved["redriven"] == 1
    wait_for(lambda: platform.http("GET", delivery, token).json()["status"] == "done", "its delivery")
    assert given_up(platform, LANDING, tenant=missing.tenant) == []
    # S3 told of the same object too; the money is counted once.
    wait_for(lambda: platform.rows("bills", "--tenant", missing.tenant), "the bill")
    cost = ("costs", "--tenant", missing.tenant, "--metric", "BilledCost", "--granularity", "total")
    wait_for(lambda: [row["BilledCost"] for row in platform.rows(*cost)] == ["3.75"], "its cost, once")
