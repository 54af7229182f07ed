"""From a file to every consumer: each gets its own copy, duplicates are harmless, poison is kept."""

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest

from infra.local.assembly import read_assembly
from infra.local.deploy import Deployer
from tests.e2e import second_consumer
from tests.e2e.conftest import ROOT, Platform, wait_for
from tests.e2e.samples import focus_bill

LANDING = ("cost-center", "LandedBills")
BILL_INGESTED = ("query-engine", "BillIngested")


@pytest.fixture(scope="module")
def copies(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of a second consumer's queue, deployed beside the running platform."""
    out = tmp_path_factory.mktemp("second-consumer")
    subprocess.run(
        [sys.executable, second_consumer.__file__],
        cwd=ROOT,
        env={**os.environ, "CDK_OUTDIR": str(out), "PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
        timeout=120,
    )
    (stack,) = [s for s in read_assembly(out, "000000000000", "us-east-1") if s.name == second_consumer.STACK]
    assert Deployer(platform.client, platform.url).deploy(stack) == "created"
    return platform.output("second-consumer", "SecondConsumerQueueUrl")


def received(platform: Platform, queue: str) -> list[dict[str, Any]]:
    sqs = platform.client("sqs")
    bodies = []
    while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            bodies.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return bodies


def of_tenant(bodies: list[dict[str, Any]], tenant: str) -> list[dict[str, Any]]:
    return [body["detail"] for body in bodies if body["detail"]["tenantid"] == tenant]


def is_drained(platform: Platform, stack: str, channel: str) -> bool:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    counts = platform.client("sqs").get_queue_attributes(
        QueueUrl=platform.output(stack, f"{channel}QueueUrl"), AttributeNames=names
    )["Attributes"]
    return all(int(counts[name]) == 0 for name in names)


def landed_event(platform: Platform, tenant: str) -> dict[str, Any]:
    """The S3 event of the tenant's one object, as EventBridge delivers it."""
    s3, bucket = platform.client("s3"), platform.output("lake", "LandingBucket")
    (found,) = s3.list_object_versions(Bucket=bucket, Prefix=f"{tenant}/")["Versions"]
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": "000000000000",
        "time": "2026-10-01T00:00:00Z",
        "region": "us-east-1",
        "resources": [f"arn:aws:s3:::{bucket}"],
        "detail": {
            "version": "0",
            "bucket": {"name": bucket},
            "object": {
                "key": found["Key"],
                "size": found["Size"],
                "etag": found["ETag"].strip('"'),
                "version-id": found["VersionId"],
                "sequencer": "0062E99A88DC407460",
            },
            "request-id": "N4N7GDK58NMKJ12R",
            "requester": "123456789012",
            "source-ip-address": "1.2.3.4",
            "reason": "PutObject",
        },
    }


def test_every_consumer_gets_its_own_copy(
    platform: Platform, copies: str, tenant: str, tmp_path: Path
) -> None:
    (bill,) = platform.rows("ingest", str(focus_bill(tmp_path, ["1.25", "2.5"])), "--tenant", tenant)
    assert bill["status"] == "ingested"

    seen: list[dict[str, Any]] = []
    wait_for(
        lambda: seen.extend(of_tenant(received(platform, copies), tenant)) or seen,
        "the second consumer's copy",
    )
    (event,) = seen
    assert event["type"] == "BillIngested.v1"
    assert event["data"]["bill_id"] == bill["bill_id"]
    assert event["data"]["totals"] == [
        {"currency": "USD", "raw": "3.75", "curated": "3.75", "difference": "0"}
    ]
    # The first consumer had its own: it keeps when a tenant's tables became queryable.
    token = platform.token(tenant)
    wait_for(
        lambda: "charges" in platform.http("GET", "/v1/query/tables", token).text, "the first consumer's row"
    )
    datasets = platform.client("dynamodb").query(
        TableName=platform.output("query-engine", "DatasetTable"),
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": f"TENANT#{tenant}"}},
    )
    assert datasets["Count"] >= 1


def test_the_same_object_event_five_times_makes_one_bill(
    platform: Platform, copies: str, tenant: str, tmp_path: Path
) -> None:
    (bill,) = platform.rows("ingest", str(focus_bill(tmp_path, ["7.000000000000000001"])), "--tenant", tenant)
    event = landed_event(platform, tenant)
    for _ in range(4):  # the fifth, or rather the first, is the one that S3 sent
        platform.client("sqs").send_message(
            QueueUrl=platform.output(LANDING[0], f"{LANDING[1]}QueueUrl"), MessageBody=json.dumps(event)
        )
    wait_for(lambda: is_drained(platform, *LANDING), "the landing queue to drain")

    (only,) = platform.rows("bills", "--tenant", tenant)
    assert (only["bill_id"], only["status"]) == (bill["bill_id"], "ingested")
    (row,) = platform.rows("costs", "--tenant", tenant, "--metric", "BilledCost", "--granularity", "total")
    assert row["BilledCost"] == "7.000000000000000001"
    wait_for(lambda: is_drained(platform, *BILL_INGESTED), "BillIngested to be consumed")
    assert len(of_tenant(received(platform, copies), tenant)) == 1


def test_the_same_file_again_is_unchanged_and_a_new_one_restates(
    platform: Platform, tenant: str, tmp_path: Path
) -> None:
    first, again, other = (tmp_path / name for name in ("first", "again", "other"))
    amounts = {first: ["1", "2"], again: ["1", "2"], other: ["1", "2", "4"]}
    statuses = []
    for folder, costs in amounts.items():
        folder.mkdir()
        (bill,) = platform.rows("ingest", str(focus_bill(folder, costs)), "--tenant", tenant, "--source", "s")
        statuses.append(bill["status"])
    assert statuses == ["ingested", "unchanged", "restated"]
    (row,) = platform.rows("costs", "--tenant", tenant, "--metric", "BilledCost", "--granularity", "total")
    assert row["BilledCost"] == "7"
    (count,) = platform.query("SELECT count(*) AS n FROM charges", platform.token(tenant))
    assert count["n"] == 3


def test_a_restatement_is_told_to_every_consumer_and_leaves_the_past_readable(
    platform: Platform, copies: str, tenant: str, tmp_path: Path
) -> None:
    for name, costs in (("first", ["1", "2"]), ("second", ["1", "2", "4.000000000000000001"])):
        folder = tmp_path / name
        folder.mkdir()
        (bill,) = platform.rows("ingest", str(focus_bill(folder, costs)), "--tenant", tenant, "--source", "s")

    seen: list[dict[str, Any]] = []
    wait_for(
        lambda: seen.extend(of_tenant(received(platform, copies), tenant)) or len(seen) == 2,
        "the second consumer's copies",
    )
    told = {event["type"]: event["data"] for event in seen}
    assert sorted(told) == ["BillIngested.v1", "BillRestated.v1"]
    restated = told["BillRestated.v1"]["changes"]["totals"]
    assert restated == [
        {
            "currency": "USD",
            "before": "3",
            "after": "7.000000000000000001",
            "difference": "4.000000000000000001",
        }
    ]
    now, before = platform.rows("bills", "history", bill["bill_id"], "--tenant", tenant)
    assert ([now["status"], before["status"]], before["kept"]) == (["restated", "ingested"], True)
    changed = platform.rows("bills", "changes", bill["bill_id"], "--tenant", tenant)
    assert [each["difference"] for each in changed] == ["4.000000000000000001"]

    def billed(*moment: str) -> str:
        asked = ("--metric", "BilledCost", "--granularity", "total")
        (row,) = platform.rows("costs", "--tenant", tenant, *asked, *moment)
        return str(row["BilledCost"])

    assert billed() == "7.000000000000000001"
    assert billed("--as-of", before["published_at"]) == "3"
    sql = "SELECT count(*) AS n FROM charges"
    for moment, count in ((before["published_at"], 2), (now["published_at"], 3), ("2020-01-01", 0)):
        (row,) = platform.rows("query", sql, "--tenant", tenant, "--as-of", moment)
        assert row["n"] == count
    refused = platform.onyx("costs", "--tenant", tenant, "--as-of", "2999-01-01")
    assert refused.returncode == 1
    assert "AS_OF_IN_FUTURE" in refused.stderr


@pytest.mark.parametrize(
    ("stack", "channel", "consumer_part"),
    [(*LANDING, "ingester"), (*BILL_INGESTED, "bill_ingested")],
)
def test_poison_ends_in_the_dlq_and_its_failure_row_says_why(
    platform: Platform, stack: str, channel: str, consumer_part: str
) -> None:
    sqs = platform.client("sqs")
    poison = f"not an event {uuid.uuid4()}"
    sent = sqs.send_message(QueueUrl=platform.output(stack, f"{channel}QueueUrl"), MessageBody=poison)

    def in_dlq() -> dict[str, Any] | None:
        for message in sqs.receive_message(
            QueueUrl=platform.output(stack, f"{channel}DlqUrl"), MaxNumberOfMessages=10, VisibilityTimeout=1
        ).get("Messages", []):
            if message["Body"] == poison:
                found: dict[str, Any] = message
                return found
        return None

    wait_for(in_dlq, f"the message in the DLQ of {channel}", seconds=120)
    rows = platform.client("dynamodb").scan(TableName=platform.output(stack, "InboxTable"))["Items"]
    (failure,) = [row for row in rows if row["sk"]["S"] == sent["MessageId"]]
    assert failure["pk"]["S"].startswith("TENANT#unknown#FAILURE#")
    assert consumer_part in failure["pk"]["S"].replace("-", "_")
    assert failure["code"]["S"] == "POISON_MESSAGE"
    assert "JSON" in failure["detail"]["S"]
    assert int(failure["attempts"]["N"]) >= 2
    # The channel is not held up by it.
    assert wait_for(lambda: is_drained(platform, stack, channel), "the queue to drain")


def test_a_bad_file_is_rejected_with_file_row_column_and_expectation(
    platform: Platform, tenant: str, tmp_path: Path
) -> None:
    bad = focus_bill(tmp_path, ["1", "1,5"], name="bad.csv")
    done = platform.onyx("ingest", str(bad), "--tenant", tenant, "--format", "json")
    assert done.returncode == 1
    (bill,) = json.loads(done.stdout)["rows"]
    assert bill["status"] == "rejected"
    reason = " ".join(bill["reasons"])
    for part in ("bad.csv", "2", "BilledCost", "1,5"):
        assert part in reason, reason
    (listed,) = platform.rows("bills", "--tenant", tenant)
    assert listed["status"] == "rejected"
    assert listed["reasons"] == bill["reasons"]
    assert platform.rows("query", "SELECT * FROM charges", "--tenant", tenant) == []
    good = focus_bill(tmp_path, ["1", "1.5"], name="bad.csv")
    (bill,) = platform.rows("ingest", str(good), "--tenant", tenant)
    assert bill["status"] == "ingested"
