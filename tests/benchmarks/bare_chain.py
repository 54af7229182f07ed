"""The emulator's own chain, nothing of ours in it: PutEvents -> rule -> SNS -> SQS -> a trivial function.

`with_writes` is the same with the database calls of our chain round it, in plain boto3: per event a
transaction and an update before the bus, then two updates, a read and a put in the function. What an
idempotent consumer behind an outbox asks of the database at least; against it, what is ours alone shows.
"""

import io
import json
import uuid
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.conftest import Platform

# It leaves a byte per event in a file: to count them costs the emulator nothing.
CODE = """
import os
TABLE = os.environ.get("TABLE")
if TABLE:
    import boto3
    table = boto3.client("dynamodb")
def write(id):
    key = {"pk": {"S": "claim"}, "sk": {"S": id}}
    change = {"TableName": TABLE, "Key": key, "UpdateExpression": "SET a = :a"}
    table.update_item(**change, ExpressionAttributeValues={":a": {"S": "working"}})
    table.get_item(TableName=TABLE, Key={"pk": {"S": "own"}, "sk": {"S": id}}, ConsistentRead=True)
    table.put_item(TableName=TABLE, Item={"pk": {"S": "own"}, "sk": {"S": id}})
    table.update_item(**change, ExpressionAttributeValues={":a": {"S": "done"}})
def handler(event, context):
    if TABLE:
        for record in event["Records"]:
            write(record["messageId"])
    with open(os.environ["SEEN"], "ab", buffering=0) as seen:
        seen.write(b"." * len(event["Records"]))
    return {"batchItemFailures": []}
"""
ACCOUNT = "000000000000"


@dataclass(frozen=True)
class BareChain:
    """`batch` and `concurrency` are those of our own channels."""

    platform: Platform
    bus: str
    seen: Path
    table: str | None

    @classmethod
    def deploy(
        cls, platform: Platform, folder: Path, *, batch: int, concurrency: int, with_writes: bool = False
    ) -> "BareChain":
        name = f"bare-{uuid.uuid4().hex[:8]}"
        seen = folder / name
        seen.touch()
        events, sns, sqs, functions = (platform.client(one) for one in ("events", "sns", "sqs", "lambda"))
        queue = sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "180"})["QueueUrl"]
        arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"
        topic = sns.create_topic(Name=name)["TopicArn"]
        may = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [may]})
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
        publish = {"Effect": "Allow", "Principal": "*", "Action": "sns:Publish", "Resource": topic}
        sns.set_topic_attributes(
            TopicArn=topic,
            AttributeName="Policy",
            AttributeValue=json.dumps({"Version": "2012-10-17", "Statement": [publish]}),
        )
        raw = {"RawMessageDelivery": "true"}
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=raw)
        events.create_event_bus(Name=name)
        pattern = json.dumps({"source": ["bench"], "detail-type": ["Bench.v1"]})
        events.put_rule(Name=name, EventBusName=name, EventPattern=pattern)
        events.put_targets(Rule=name, EventBusName=name, Targets=[{"Id": "1", "Arn": topic}])
        functions.create_function(
            FunctionName=name,
            Runtime="python3.13",
            Handler="index.handler",
            Role=_role(platform, name, arn),
            Code={"ZipFile": _zip()},
            Environment={"Variables": {"SEEN": str(seen), **({"TABLE": name} if with_writes else {})}},
            Timeout=30,
        )
        functions.create_event_source_mapping(
            FunctionName=name,
            EventSourceArn=arn,
            BatchSize=batch,
            ScalingConfig={"MaximumConcurrency": concurrency},
            FunctionResponseTypes=["ReportBatchItemFailures"],
        )
        if with_writes:
            keys = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]
            platform.client("dynamodb").create_table(
                TableName=name,
                KeySchema=keys,
                AttributeDefinitions=[{"AttributeName": one, "AttributeType": "S"} for one in ("pk", "sk")],
                BillingMode="PAY_PER_REQUEST",
            )
        return cls(platform, name, seen, name if with_writes else None)

    def put(self, details: list[str]) -> None:
        """PutEvents, ten at a time; with writes, a row each before it and an update after it."""
        client, table = self.platform.client("events"), self.platform.client("dynamodb")
        keys = [{"pk": {"S": "outbox"}, "sk": {"S": uuid.uuid4().hex}} for _ in details]
        if self.table:
            for key, one in zip(keys, details, strict=True):
                row = {"TableName": self.table, "Item": {**key, "envelope": {"S": one}}}
                table.transact_write_items(TransactItems=[{"Put": row}])
        for at in range(0, len(details), 10):
            entries = [
                {"Source": "bench", "DetailType": "Bench.v1", "Detail": one, "EventBusName": self.bus}
                for one in details[at : at + 10]
            ]
            assert client.put_events(Entries=entries)["FailedEntryCount"] == 0
            for key in keys[at : at + 10] if self.table else []:
                table.update_item(
                    TableName=self.table,
                    Key=key,
                    UpdateExpression="SET published_at = :at",
                    ExpressionAttributeValues={":at": {"S": "now"}},
                )

    def arrived(self) -> int:
        return self.seen.stat().st_size


def _role(platform: Platform, name: str, queue: str) -> str:
    iam: Any = platform.client("iam")
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
    take = {
        "Effect": "Allow",
        "Action": ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
        "Resource": queue,
    }
    write = {
        "Effect": "Allow",
        "Action": ["dynamodb:UpdateItem", "dynamodb:GetItem", "dynamodb:PutItem"],
        "Resource": f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/{name}",
    }
    documents = [
        json.dumps({"Version": "2012-10-17", "Statement": each}) for each in ([trust], [take, write])
    ]
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=documents[0])["Role"]
    iam.put_role_policy(RoleName=name, PolicyName="take", PolicyDocument=documents[1])
    return str(role["Arn"])


def _zip() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("index.py", CODE)
    return packed.getvalue()
