"""The emulator's own chain, nothing of ours in it: PutEvents -> rule -> SNS -> SQS -> a trivial function.

Its function does nothing; or it makes one write per event, as any consumer does that leaves an effect; or the
chain makes all the database calls of ours, in plain boto3: a transaction per event before the bus, a batch
write per ten after it, the conditional puts of the events that come together in one transaction.
"""

import io
import json
import uuid
import zipfile
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from tests.e2e.conftest import Platform

# It leaves a byte per event in a file: to count them costs the emulator nothing.
CODE = """
import os
TABLE, WRITES = os.environ["TABLE"], os.environ["WRITES"]
if WRITES != "none":
    import boto3
    table = boto3.client("dynamodb")
def put(id):
    item = {"pk": {"S": "own"}, "sk": {"S": id}, "at": {"S": "now"}}
    return {"TableName": TABLE, "Item": item}
def put_newer(id):
    return {
        **put(id),
        "ConditionExpression": "attribute_not_exists(pk) OR #at < :at",
        "ExpressionAttributeNames": {"#at": "at"},
        "ExpressionAttributeValues": {":at": {"S": "now"}},
    }
def write(ids):
    if WRITES == "one":
        for id in ids:
            table.put_item(**put(id))
    elif len(ids) == 1:
        table.put_item(**put_newer(ids[0]))
    else:
        table.transact_write_items(TransactItems=[{"Put": put_newer(id)} for id in ids])
def handler(event, context):
    if WRITES != "none":
        write([record["messageId"] for record in event["Records"]])
    with open(os.environ["SEEN"], "ab", buffering=0) as seen:
        seen.write(b"." * len(event["Records"]))
    return {"batchItemFailures": []}
"""
ACCOUNT = "000000000000"


class Writes(StrEnum):
    """What a bare chain writes."""

    NONE = "none"
    ONE = "one"
    """A put per event, in the function."""
    OURS = "ours"
    """What our chain writes."""


@dataclass(frozen=True)
class BareChain:
    """`batch` and `concurrency` are those of our own channels."""

    platform: Platform
    name: str
    seen: Path
    writes: Writes

    @classmethod
    def deploy(
        cls, platform: Platform, folder: Path, *, batch: int, concurrency: int, writes: Writes
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
            Environment={"Variables": {"SEEN": str(seen), "TABLE": name, "WRITES": writes}},
            Timeout=30,
        )
        functions.create_event_source_mapping(
            FunctionName=name,
            EventSourceArn=arn,
            BatchSize=batch,
            ScalingConfig={"MaximumConcurrency": concurrency},
            FunctionResponseTypes=["ReportBatchItemFailures"],
        )
        keys = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]
        platform.client("dynamodb").create_table(
            TableName=name,
            KeySchema=keys,
            AttributeDefinitions=[{"AttributeName": one, "AttributeType": "S"} for one in ("pk", "sk")],
            BillingMode="PAY_PER_REQUEST",
        )
        return cls(platform, name, seen, writes)

    def put(self, details: list[str], *, together: int) -> None:
        """PutEvents, so many together; with our writes, a row each before it and a batch of rows after it."""
        client, table = self.platform.client("events"), self.platform.client("dynamodb")

        rows: list[Any] = [
            {"pk": {"S": "outbox"}, "sk": {"S": uuid.uuid4().hex}, "envelope": {"S": one}} for one in details
        ]
        if self.writes is Writes.OURS:
            for row in rows:
                put = {"TableName": self.name, "Item": row, "ConditionExpression": "attribute_not_exists(pk)"}
                table.transact_write_items(TransactItems=[{"Put": put}])
        for at in range(0, len(rows), together):
            batch = rows[at : at + together]
            common = {"Source": "bench", "DetailType": "Bench.v1", "EventBusName": self.name}
            entries = [{**common, "Detail": row["envelope"]["S"]} for row in batch]
            assert client.put_events(Entries=entries)["FailedEntryCount"] == 0
            if self.writes is Writes.OURS:
                confirmed = [{"PutRequest": {"Item": row}} for row in batch]
                table.batch_write_item(RequestItems={self.name: confirmed})

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
        "Action": "dynamodb:PutItem",
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
