"""The whole ingest over real adapters: S3, Glue and DynamoDB of the emulator; pyiceberg, Polars and Arrow."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pyiceberg.catalog.glue import GlueCatalog

from services.cost_center.adapters.iceberg_lake import file_io_properties
from services.cost_center.events import BILL_PREFIX, BillIngested, PublishedBill
from services.cost_center.handlers import ingester
from services.cost_center.handlers.object_created import object_created
from shared.clock import SystemClock
from shared.dynamo_items import from_attributes
from shared.tenancy import TenantId
from shared.tenant_credentials import Reach, TenantCredentials
from tests.fakes.cost_center import Crash, CrashAt
from tests.fakes.cost_center_bills import CUR_ROW, csv_bytes, cur_rows
from tests.fakes.cost_center_cloud import Cloud

pytestmark = pytest.mark.emulator

ACME = TenantId("acme")


def published(cloud: Cloud, bill_id: str) -> PublishedBill:
    key = {"pk": {"S": "TENANT#acme"}, "sk": {"S": BILL_PREFIX + bill_id}}
    item = from_attributes(
        cloud.client("dynamodb").get_item(TableName=cloud.settings.bill_table, Key=key)["Item"]
    )
    bill = PublishedBill.from_item(item)
    assert bill is not None
    return bill


def load(cloud: Cloud, table: str) -> Any:
    reach = Reach((cloud.settings.lake_bucket,))
    keys = TenantCredentials(cloud.settings.tenant_role_arn, reach, SystemClock()).keys(ACME)
    return GlueCatalog("test", client=cloud.client("glue"), **file_io_properties(keys)).load_table(
        (f"{cloud.settings.glue_database_prefix}acme", table)
    )


def test_a_bill_lands_and_its_rows_can_be_read_by_the_published_set(cloud: Cloud) -> None:
    cloud.ingest(cloud.put("acme/aws/bill.csv", csv_bytes(cur_rows(3))))

    bill = published(cloud, "aws.2026-09")
    assert sorted(bill.tables) == ["charges", "cur"]
    charges = load(cloud, "charges")
    rows = charges.scan(snapshot_id=bill.tables["charges"].snapshot_id).to_arrow()
    assert sum(rows.column("BilledCost").to_pylist()) == Decimal("0.579")
    assert dict(rows.column("Tags").to_pylist()[0]) == {"env": "prod"}
    assert {file.file.file_path for file in charges.scan().plan_files()} == set(bill.tables["charges"].files)
    frame = pl.scan_iceberg(load(cloud, "cur"), snapshot_id=bill.tables["cur"].snapshot_id)
    assert frame.select(pl.col("line_item_unblended_cost").sum()).collect().item() == Decimal("0.579")
    assert set(frame.select("year", "month", "billing_period", "source").unique().collect().row(0)) == {
        "2026",
        "9",
        "2026-09",
        "aws",
    }
    [event] = cloud.outbox()
    assert event["type"] == BillIngested.detail_type()
    assert event["tenantid"] == "acme"
    assert event["data"]["totals"] == [
        {"currency": "USD", "raw": "0.579", "curated": "0.579", "difference": "0"}
    ]


def test_five_deliveries_of_one_event_make_one_bill(cloud: Cloud) -> None:
    event = cloud.put("acme/aws/bill.csv", csv_bytes(cur_rows(3)))

    for _ in range(5):
        cloud.ingest(event)

    assert len(cloud.outbox()) == 1
    assert len(load(cloud, "charges").snapshots()) == 1


def test_unchanged_restated_and_rejected(cloud: Cloud) -> None:
    cloud.ingest(cloud.put("acme/aws/bill.csv", csv_bytes(cur_rows(3))))
    first = published(cloud, "aws.2026-09")
    cloud.ingest(cloud.put("acme/aws/bill.csv", csv_bytes(cur_rows(3))))
    assert published(cloud, "aws.2026-09") == first

    cloud.ingest(cloud.put("acme/aws/bill.csv", csv_bytes(cur_rows(4))))
    cloud.ingest(cloud.put("acme/aws/bill.csv", csv_bytes([{**CUR_ROW, "lineItem/UnblendedCost": "x"}])))

    second = published(cloud, "aws.2026-09")
    assert second.tables["charges"].rows == 4
    charges = load(cloud, "charges")
    older = charges.scan(snapshot_id=first.tables["charges"].snapshot_id).to_arrow()
    assert (older.num_rows, charges.scan().to_arrow().num_rows) == (3, 4)
    assert [event["type"] for event in cloud.outbox()] == [
        "BillIngested.v1",
        "BillRestated.v1",
        "BillRejected.v1",
    ]
    history = [
        row["sk"]["S"] for row in cloud.rows(cloud.settings.bill_table) if row["sk"]["S"].startswith("SET#")
    ]
    assert len(history) == 2


class Queue:
    """A landing queue, and the task that works it as a process of its own."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.sqs = cloud.client("sqs")
        self.url = self.sqs.create_queue(QueueName=f"q-{cloud.settings.lake_bucket}")["QueueUrl"]
        jobs = self.sqs.create_queue(QueueName=f"jobs-{cloud.settings.lake_bucket}")["QueueUrl"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "services.cost_center.handlers.ingester"],
            cwd=Path(__file__).parents[3],
            env={
                **os.environ,
                **{name.upper(): str(value) for name, value in cloud.settings.model_dump().items()},
                "LANDING_QUEUE_URL": self.url,
                "JOBS_QUEUE_URL": jobs,
                "EXPORT_TABLE": "exports",
                "RESULTS_BUCKET": "results",
                "POWERTOOLS_METRICS_NAMESPACE": "Onyx",
            },
        )

    def send(self, body: str) -> None:
        self.sqs.send_message(QueueUrl=self.url, MessageBody=body)

    def waiting(self) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)["Attributes"]
        return sum(int(count) for count in found.values())

    def until(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < deadline, "not in time"
            assert self.process.poll() is None, "the task is gone"
            time.sleep(0.05)


@pytest.fixture
def task(cloud: Cloud) -> Iterator[Queue]:
    queue = Queue(cloud)
    yield queue
    if queue.process.poll() is None:
        queue.process.kill()
    queue.process.wait(10)


def test_the_task_works_its_queue_files_poison_and_stops_when_told(cloud: Cloud, task: Queue) -> None:
    task.send('{"source": "somebody.else"}')
    task.send(json.dumps(cloud.put("acme/aws/bill.csv", csv_bytes(cur_rows(3)))))

    task.until(cloud.outbox)
    task.until(lambda: cloud.rows(cloud.settings.inbox_table))

    [failure] = cloud.rows(cloud.settings.inbox_table)
    assert failure["pk"]["S"] == "TENANT#unknown#FAILURE#ingester"
    assert failure["code"]["S"] == "POISON_MESSAGE"
    task.until(lambda: task.waiting() == 1)
    task.process.send_signal(signal.SIGTERM)
    assert task.process.wait(30) == 0
    assert published(cloud, "aws.2026-09").tables["charges"].rows == 3


@pytest.mark.parametrize("step", ["raw committed", "curated committed", "reconciliation saved", "recorded"])
def test_a_crash_in_the_lake_or_after_and_a_redelivery_make_one_bill(cloud: Cloud, step: str) -> None:
    event = cloud.put("acme/aws/bill.csv", csv_bytes(cur_rows(3)))
    crash = CrashAt(step)
    crashing = replace(ingester.build(cloud.settings), failpoint=crash)
    with pytest.raises(Crash):
        crashing(object_created(event))
    assert crash.hit

    cloud.ingest(event)

    assert len(cloud.outbox()) == 1
    bill = published(cloud, "aws.2026-09")
    charges = load(cloud, "charges")
    assert charges.scan().to_arrow().num_rows == 3
    rows = charges.scan(snapshot_id=bill.tables["charges"].snapshot_id).to_arrow()
    assert sum(rows.column("BilledCost").to_pylist()) == Decimal("0.579")
