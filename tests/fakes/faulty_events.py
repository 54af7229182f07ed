"""From a site's outbox to its consumers: stream, relay, bus and queue of the emulator; losses and repeats are
the caller's."""

import json
import uuid
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from services.cost_center import events
from services.cost_center.events import BillIngested
from shared.clock import SystemClock
from shared.consumer import Consumer
from shared.errors import Conflict, VersionConflict
from shared.events import Envelope, Event
from shared.inbox import Inbox
from shared.outbox import Relay
from shared.table import TenantTable, transact
from tests.fakes.cost_center_cloud import Cloud
from tests.fakes.faults import Faults
from tests.fakes.messages import FakeSqs, sqs_record
from tests.fakes.tables import create_table

CONSUMERS = ("ledger", "mirror")
FACTS = [
    each
    for each in vars(events).values()
    if isinstance(each, type) and issubclass(each, Event) and hasattr(each, "type")
]
"""All that the cost center tells of."""


class Ahead:
    """The machine's clock, moved on."""

    def __init__(self) -> None:
        self.by = timedelta()

    def now(self) -> datetime:
        return SystemClock().now() + self.by


class Died(BaseException):
    """The process is gone: nothing of it runs any more."""


class EventPath:
    """The way of one site's events. Two consumers take each of them."""

    def __init__(self, cloud: Cloud, faults: Faults) -> None:
        self.cloud = cloud
        self.faults = faults
        self.clock = Ahead()
        self._clients = {each: cloud.client(each) for each in ("dynamodb", "dynamodbstreams", "sqs")}
        self._records = 0
        name = self.name = uuid.uuid4().hex[:10]
        bus = cloud.client("events")
        bus.create_event_bus(Name=name)
        self.queue = self._clients["sqs"].create_queue(QueueName=name)["QueueUrl"]
        attributes = self._clients["sqs"].get_queue_attributes(
            QueueUrl=self.queue, AttributeNames=["QueueArn"]
        )
        pattern = json.dumps({"source": [BillIngested.source]})
        bus.put_rule(Name=name, EventBusName=name, EventPattern=pattern)
        target = {"Id": "queue", "Arn": attributes["Attributes"]["QueueArn"]}
        bus.put_targets(Rule=name, EventBusName=name, Targets=[target])
        create_table(self._clients["dynamodb"], f"effects-{name}")
        self.effects = TenantTable(f"effects-{name}")
        inbox = Inbox(self.cloud.settings.inbox_table, clock=self.clock)
        self.consumers = {
            each: Consumer(
                each,
                FACTS,
                partial(self._take, each),
                inbox,
                FakeSqs(),  # type: ignore[arg-type]
                "queue",
            )
            for each in CONSUMERS
        }
        self.dies_after_effect = False

    def relay(self) -> Relay:
        table = self.cloud.settings.outbox_table
        return Relay(bus=self.name, table=table, clock=self.clock, pause=self.faults.slept.append)

    def stream(self, most: int) -> list[Any]:
        """The stream's next records, which come again until `passed` says that they are done with."""
        streams = self._clients["dynamodbstreams"]
        table = self._clients["dynamodb"].describe_table(TableName=self.cloud.settings.outbox_table)["Table"]
        arn = table["LatestStreamArn"]
        shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
        start = streams.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
        records = list(streams.get_records(ShardIterator=start["ShardIterator"])["Records"])
        return records[self._records : self._records + most]

    def passed(self, count: int) -> None:
        self._records += count

    def arrived(self) -> list[str]:
        """The bodies that the bus delivered since it was last asked."""
        found: list[str] = []
        sqs: Any = self._clients["sqs"]
        while messages := sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get(
            "Messages", []
        ):
            for message in messages:
                found.append(message["Body"])
                sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        return found

    def consume(self, consumer: str, body: str, *, dies: bool = False) -> bool:
        """Whether the consumer is done with the message."""
        self.dies_after_effect = dies
        try:
            return not self.consumers[consumer].process([sqs_record(body)])["batchItemFailures"]
        except Died:
            return False
        finally:
            self.dies_after_effect = False

    def _take(self, consumer: str, env: Envelope, event: Event) -> None:
        """The effect: a row of the event's own and a sum, in one transaction."""
        mark = self.effects.tx_put(env.tenant, f"{consumer}#{env.id}", {"type": env.type})
        total: Any = {
            "Update": {
                "TableName": self.effects.name,
                "Key": {"pk": {"S": f"TENANT#{env.tenant}"}, "sk": {"S": f"SUM#{consumer}"}},
                "UpdateExpression": "ADD events :one",
                "ExpressionAttributeValues": {":one": {"N": "1"}},
            }
        }
        try:
            transact(None, [mark, total])
        except VersionConflict:
            raise
        except Conflict:
            return
        finally:
            if self.dies_after_effect:
                raise Died("after the effect, before it is noted in the inbox")

    def sweep(self) -> None:
        """Publish what is pending for longer than a minute: all that there is."""
        self.clock.by += timedelta(minutes=5)
        self.relay().sweep()
