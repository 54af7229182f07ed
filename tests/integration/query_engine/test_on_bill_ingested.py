"""The function that hears of published bills, as Lambda calls it."""

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from services.cost_center.events import BillIngested
from services.query_engine.adapters.dataset_table import DatasetTable
from services.query_engine.handlers import on_bill_ingested
from shared import aws
from shared.config import load_settings
from shared.events import envelope, to_entry
from shared.table import TenantTable
from shared.tenancy import TenantId
from tests.fakes.query_engine_lake import DATASETS, INBOX, Lake

ACME = TenantId("acme")
NOW = datetime(2026, 11, 20, tzinfo=UTC)


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REGION": "us-east-1",
        "DATASET_TABLE": DATASETS,
        "INBOX_TABLE": INBOX,
    }.items():
        monkeypatch.setenv(name, value)
    load_settings.cache_clear()
    on_bill_ingested.consumer.cache_clear()
    aws.clear_clients()
    with mock_aws():
        Lake()
        yield boto3.client("sqs").create_queue(QueueName="on-bill-ingested")["QueueUrl"]
    aws.clear_clients()
    load_settings.cache_clear()
    on_bill_ingested.consumer.cache_clear()


def bill(published_at: datetime, rows: int = 5, tenant: TenantId = ACME, id: str = "e-1") -> str:
    """The body of the queue's message."""
    event = BillIngested(
        bill_id="aws.2026-09",
        source="aws",
        format="aws-cur-csv",
        billing_period="2026-09",
        delivery_id="d",
        status="ingested",
        rows=rows,
        totals=[],
        tables=["cur", "charges"],
        published_at=published_at,
        primary=True,
    )
    entry = to_entry(envelope(event, tenant=tenant, id=id, time=NOW), "bus")
    return json.dumps(
        {"detail-type": entry["DetailType"], "source": entry["Source"], "detail": json.loads(entry["Detail"])}
    )


def deliver(queue: str, *bodies: str) -> list[str]:
    """Hands the messages over as Lambda does; returns the ids of those that failed."""
    sqs = boto3.client("sqs")
    for body in bodies:
        sqs.send_message(QueueUrl=queue, MessageBody=body)
    records: list[dict[str, Any]] = []
    while found := sqs.receive_message(
        QueueUrl=queue, MaxNumberOfMessages=10, AttributeNames=["All"], WaitTimeSeconds=0
    ).get("Messages"):
        records += [
            {
                "messageId": each["MessageId"],
                "receiptHandle": each["ReceiptHandle"],
                "body": each["Body"],
                "attributes": each["Attributes"],
                "messageAttributes": {},
                "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:on-bill-ingested",
            }
            for each in found
        ]
    answer = on_bill_ingested.handler({"Records": records}, None)
    return [each["itemIdentifier"] for each in answer["batchItemFailures"]]


def kept(tenant: TenantId = ACME) -> list[tuple[int, datetime]]:
    return [(each.rows, each.published_at) for each in DatasetTable(TenantTable(DATASETS)).all(tenant)]


def test_a_bill_is_noted_once_however_often_it_is_told(queue: str) -> None:
    assert deliver(queue, bill(NOW), bill(NOW), bill(NOW)) == []
    assert kept() == [(5, NOW)]
    (row,) = DatasetTable(TenantTable(DATASETS)).all(ACME)
    assert (row.tables, row.billing_period, row.source) == (("cur", "charges"), "2026-09", "aws")
    assert kept(TenantId("globex")) == []


def test_an_older_publication_never_replaces_a_newer_one(queue: str) -> None:
    later = NOW + timedelta(seconds=1)
    assert deliver(queue, bill(later, rows=7, id="e-2")) == []
    assert deliver(queue, bill(NOW, rows=5, id="e-1")) == []
    assert kept() == [(7, later)]


@pytest.fixture
def calls(queue: str) -> list[str]:
    """The database calls of the function."""
    made: list[str] = []
    aws.dynamodb().meta.events.register(
        "before-call.dynamodb", lambda model, **_: made.append(str(model.name))
    )
    return made


def test_an_event_is_one_write_and_its_inbox_stays_empty(queue: str, calls: list[str]) -> None:
    assert deliver(queue, bill(NOW)) == []
    assert calls == ["PutItem"]
    assert boto3.client("dynamodb").scan(TableName=INBOX)["Items"] == []


def test_events_that_come_together_are_one_write(queue: str, calls: list[str]) -> None:
    later = NOW + timedelta(seconds=1)
    other = TenantId("globex")
    bodies = [bill(later, id="e-2"), bill(NOW, id="e-1"), bill(NOW, 9, other), bill(later, id="e-2")]
    assert deliver(queue, *bodies) == []
    assert calls == ["TransactWriteItems"]
    assert (kept(), kept(other)) == ([(5, later)], [(9, NOW)])
    assert boto3.client("dynamodb").scan(TableName=INBOX)["Items"] == []


def test_one_that_is_no_news_keeps_back_none_that_came_with_it(queue: str, calls: list[str]) -> None:
    later = NOW + timedelta(seconds=1)
    other = TenantId("globex")
    assert deliver(queue, bill(later, rows=7)) == []
    assert deliver(queue, bill(NOW), bill(NOW, 9, other)) == []
    assert calls == ["PutItem", "TransactWriteItems", "PutItem", "PutItem"]
    assert (kept(), kept(other)) == ([(7, later)], [(9, NOW)])


def test_what_another_batch_is_writing_comes_again(queue: str) -> None:
    events = aws.dynamodb().meta.events

    def held(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "TransactionConflictException"}}, "PutItem")

    events.register("before-call.dynamodb.PutItem", held)
    (failed,) = deliver(queue, bill(NOW))
    (row,) = boto3.client("dynamodb").scan(TableName=INBOX)["Items"]
    assert (row["sk"]["S"], row["code"]["S"]) == (failed, "UNAVAILABLE")
    events.unregister("before-call.dynamodb.PutItem", held)
    assert deliver(queue, bill(NOW)) == []
    assert kept() == [(5, NOW)]


def test_one_that_cannot_be_read_keeps_back_none_that_came_with_it(queue: str) -> None:
    assert len(deliver(queue, bill(NOW), "no event", bill(NOW, 9, TenantId("globex")))) == 1
    assert (kept(), kept(TenantId("globex"))) == ([(5, NOW)], [(9, NOW)])


def test_a_restatement_is_a_publication_too(queue: str) -> None:
    later = NOW + timedelta(seconds=1)
    restated = json.loads(bill(later, rows=7, id="e-2"))
    data = restated["detail"]["data"]
    data |= {
        "status": "restated",
        "previous": {"delivery_id": "d", "published_at": data["published_at"], "rows": 5},
        "changes": {"totals": [], "largest": [], "others": [], "count": 0, "document": None},
    }
    restated["detail-type"] = restated["detail"]["type"] = "BillRestated.v1"
    assert deliver(queue, json.dumps(restated), bill(NOW)) == []
    assert kept() == [(7, later)]


def test_a_message_that_is_no_such_event_fails_alone(queue: str) -> None:
    failed = deliver(queue, "{", bill(NOW))
    assert len(failed) == 1
    assert kept() == [(5, NOW)]
