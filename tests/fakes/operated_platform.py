"""A platform whose queues and tables moto serves and whose stacks are told: for operators' commands."""

import io
import json
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import boto3
import httpx

from services.cost_center.adapters.trouble_rows import TroubleRows
from services.cost_center.domain.trouble import Trouble
from shared.clock import FixedClock, iso
from shared.events import Envelope
from shared.inbox import Inbox
from shared.outbox import Outbox
from shared.table import TenantTable
from shared.tenancy import TenantId

_STRINGS = ("pk", "sk", "pending", "created_at")


@dataclass
class Stacks:
    """CloudFormation as far as the commands ask it: outputs and the queues among the resources."""

    outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    queues: dict[str, dict[str, str]] = field(default_factory=dict)
    """Stack -> logical id -> URL."""

    def get_paginator(self, operation: str) -> "_Pages":
        return _Pages(self, operation)


@dataclass
class _Pages:
    stacks: Stacks
    operation: str

    def paginate(self, **arguments: str) -> list[dict[str, Any]]:
        if self.operation == "describe_stacks":
            return [
                {
                    "Stacks": [
                        {
                            "StackName": name,
                            "StackStatus": "CREATE_COMPLETE",
                            "Outputs": [{"OutputKey": k, "OutputValue": v} for k, v in outputs.items()],
                        }
                    ]
                }
                for name, outputs in self.stacks.outputs.items()
            ]
        found = self.stacks.queues.get(arguments["StackName"], {})
        kind = "AWS::SQS::Queue"
        return [
            {
                "StackResourceSummaries": [
                    {"LogicalResourceId": name, "PhysicalResourceId": url, "ResourceType": kind}
                    for name, url in found.items()
                ]
            }
        ]


class NoMetrics:
    """CloudWatch that has `ages` (seconds) for some queues, by name."""

    def __init__(self) -> None:
        self.ages: dict[str, int] = {}

    def get_metric_data(self, **asked: Any) -> dict[str, Any]:
        results = []
        for query in asked["MetricDataQueries"]:
            name = query["MetricStat"]["Metric"]["Dimensions"][0]["Value"]
            results.append({"Id": query["Id"], "Values": [self.ages[name]] if name in self.ages else []})
        return {"MetricDataResults": results}


class OperatedPlatform:
    """cost-center with its landing channel and tables, and a relay's failure queue. Enter moto first."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.sqs: Any = boto3.client("sqs", region_name="us-east-1")
        self.dynamodb: Any = boto3.client("dynamodb", region_name="us-east-1")
        self.cloudformation, self.cloudwatch = Stacks(), NoMetrics()
        self.ages: dict[str, int] = {}
        dead, self.relay_failures = self._queue("dead"), self._queue("relay")
        self.dead = dead
        self.queue = self._queue("landed")
        self.tables = {name: self._table(name) for name in ("Inbox", "Outbox", "Bill")}
        self.cloudformation.outputs = {
            "onyx-local-cost-center": {
                "LandedBillsQueueUrl": self.queue,
                "LandedBillsDlqUrl": dead,
                "RelayFailuresUrl": self.relay_failures,
                "RelayFunction": "relay",
                **{f"{name}Table": table for name, table in self.tables.items()},
            },
            "onyx-dev-cost-center": {"LandedBillsQueueUrl": "other", "LandedBillsDlqUrl": "other"},
        }
        resources = {"LandedBillsQueue1A2B3C4D": self.queue, "LandedBillsDeadLetters1A2B3C4D": dead}
        self.cloudformation.queues = {
            "onyx-local-cost-center": {**resources, "RelayFailures1A2B3C4D": self.relay_failures}
        }

    def clients(self) -> dict[str, Any]:
        names = ("sqs", "dynamodb", "cloudformation", "cloudwatch")
        return {name: getattr(self, name) for name in names}

    def look_into(self, request: httpx.Request) -> httpx.Response:
        """The emulator's own view of a queue: `ages` of messages, in seconds, by the queue's name."""
        url = request.url.params["QueueUrl"]
        age = self.ages.get(url.rpartition("/")[2])
        sent = [] if age is None else [{"Attributes": {"SentTimestamp": str(self._millis(age))}}]
        return httpx.Response(200, json={"messages": {"0": {"us-east-1": {url: sent}}}})

    def _millis(self, age: int) -> int:
        return int((self.now - timedelta(seconds=age)).timestamp() * 1000)

    def sweep(self, most: int, refused: Collection[str] = ()) -> dict[str, Any]:
        """What the relay does when it is invoked to sweep: it confirms `most` rows, but for those `refused`;
        returns Lambda's answer."""
        table = self.tables["Outbox"]
        due = iso(self.now - timedelta(minutes=1))
        rows = [
            row
            for row in self.dynamodb.scan(TableName=table, IndexName="by_pending")["Items"]
            if row["created_at"]["S"] < due
        ][:most]
        for row in rows:
            if row["sk"]["S"] not in refused:
                self.dynamodb.update_item(
                    TableName=table,
                    Key={name: row[name] for name in ("pk", "sk")},
                    UpdateExpression="REMOVE pending",
                )
        failed = [row for row in rows if row["sk"]["S"] in refused]
        if not failed:
            return {"Payload": io.BytesIO(b"{}")}
        error = {"errorMessage": f"{len(failed)} outbox rows could not be published"}
        return {"FunctionError": "Unhandled", "Payload": io.BytesIO(json.dumps(error).encode())}

    def give_up(self, body: str, queue: str | None = None) -> str:
        """A message in the dead-letter queue; its id."""
        return str(self.sqs.send_message(QueueUrl=queue or self.dead, MessageBody=body)["MessageId"])

    def fail(self, message_id: str, tenant: Any, code: str, detail: str) -> None:
        """The failure row that the ingester writes."""
        Inbox(self.tables["Inbox"], self.dynamodb, FixedClock(self.now)).record_failure(
            "ingester",
            message_id,
            tenant=tenant,
            code=code,
            detail=detail,
            trace="",
            body_sha="",
            receive_count=1,
        )

    def tell(self, env: Envelope, *, published: bool) -> None:
        """An outbox row."""
        outbox = Outbox(self.tables["Outbox"], self.dynamodb)
        put = outbox.item(env)["Put"]
        self.dynamodb.put_item(TableName=put["TableName"], Item=put["Item"])
        if published:
            self.dynamodb.update_item(
                TableName=self.tables["Outbox"],
                Key={name: put["Item"][name] for name in ("pk", "sk")},
                UpdateExpression="SET published_at = :at REMOVE pending",
                ExpressionAttributeValues={":at": {"S": iso(env.time)}},
            )

    def processing(self, tenant: str, delivery: str, since: timedelta) -> None:
        """A delivery that was opened so long ago and is not done."""
        row = {
            "pk": f"TENANT#{tenant}",
            "sk": f"DELIVERY#{delivery}",
            "delivery_id": delivery,
            "source": "cur",
            "filename": "a.csv",
            "status": "processing",
            "received_at": iso(self.now - since),
        }
        item = {name: {"S": value} for name, value in row.items()}
        self.dynamodb.put_item(TableName=self.tables["Bill"], Item=item)

    def trouble(self, tenant: str, delivery: str, receive: int, code: str, reason: str) -> None:
        """The row that the ingester writes of an attempt that failed, the `receive`-th of five."""
        TroubleRows(TenantTable(self.tables["Bill"], self.dynamodb)).save_trouble(
            TenantId(tenant),
            Trouble(
                delivery_id=delivery,
                key=f"{tenant}/cur/a.csv",
                source="cur",
                filename="a.csv",
                message_id="m",
                attempts=receive,
                receive=receive,
                receives=5,
                since=self.now,
                code=code,
                reason=reason,
                alive_until=self.now,
                ended=self.now,
            ),
        )

    def waiting(self) -> list[str]:
        """Bodies in the channel's queue."""
        found = self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10, VisibilityTimeout=0)
        return [message["Body"] for message in found.get("Messages", [])]

    def _queue(self, name: str) -> str:
        return str(self.sqs.create_queue(QueueName=name)["QueueUrl"])

    def _table(self, name: str) -> str:
        keys = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]
        by_pending = [
            {"AttributeName": "pending", "KeyType": "HASH"},
            {"AttributeName": "created_at", "KeyType": "RANGE"},
        ]
        self.dynamodb.create_table(
            TableName=name,
            KeySchema=keys,
            AttributeDefinitions=[{"AttributeName": one, "AttributeType": "S"} for one in _STRINGS],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "by_pending",
                    "KeySchema": by_pending,
                    "Projection": {"ProjectionType": "ALL"},
                },
                *(
                    [
                        {
                            "IndexName": "by_time",
                            "KeySchema": [keys[0], by_pending[1]],
                            "Projection": {"ProjectionType": "ALL"},
                        }
                    ]
                    if name == "Outbox"
                    else []
                ),
            ],
            BillingMode="PAY_PER_REQUEST",
        )
        return name


def landed(key: str) -> str:
    """S3's event of an object, as far as an operator reads it."""
    body = {
        "detail-type": "Object Created",
        "source": "aws.s3",
        "id": "e-1",
        "detail": {"object": {"key": key}},
    }
    return json.dumps(body)
