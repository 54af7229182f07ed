"""Messages of a real queue (moto): what is handled is gone, what is poison ends in the DLQ with its row."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest

from shared.consumer import Consumer, Poller
from shared.events import Envelope, Event
from shared.inbox import Inbox
from shared.tenancy import TenantId
from tests.fakes.messages import bridge_body
from tests.fakes.sample_events import ThingHappened, happened

DEADLINE = 20.0


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, "waited too long"
        threading.Event().wait(0.05)


class Queues:
    """A queue that gives up on a message after two receives, and its DLQ."""

    def __init__(self, sqs: Any) -> None:
        self.sqs = sqs
        self.dlq = sqs.create_queue(QueueName="dlq")["QueueUrl"]
        redrive = {"deadLetterTargetArn": "arn:aws:sqs:us-east-1:123456789012:dlq", "maxReceiveCount": 2}
        self.url = sqs.create_queue(
            QueueName="queue", Attributes={"RedrivePolicy": json.dumps(redrive), "VisibilityTimeout": "180"}
        )["QueueUrl"]

    def send(self, body: str) -> str:
        return str(self.sqs.send_message(QueueUrl=self.url, MessageBody=body)["MessageId"])

    def count(self, url: str) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        attributes = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(int(each) for each in attributes.values())


@pytest.fixture
def queues(cloud: None) -> Queues:
    return Queues(boto3.client("sqs"))


@contextmanager
def running(poller: Poller) -> Iterator[None]:
    thread = threading.Thread(target=poller.run)
    thread.start()
    try:
        yield
    finally:
        poller.stop.set()
        thread.join(DEADLINE)
        assert not thread.is_alive()


def test_a_poller_consumes_events_and_poison_ends_in_the_dlq(queues: Queues, inbox_table: str) -> None:
    handled: list[str] = []
    inbox = Inbox(inbox_table)

    def handle(env: Envelope, event: Event) -> None:
        handled.append(env.id)

    consumer = Consumer("rollup", [ThingHappened], handle, inbox)
    for _ in range(5):
        queues.send(bridge_body(happened(id="e-1")))
    poison = queues.send("not an event")
    queues.send(bridge_body(happened(id="e-2", tenant="globex")))
    poller = Poller(
        queues.url, consumer.consume, queues.sqs, name="rollup", inbox=inbox, tenant_of=consumer.tenant_of
    )
    with running(poller):
        until(lambda: queues.count(queues.dlq) == 1 and queues.count(queues.url) == 0)
    assert sorted(handled) == ["e-1", "e-2"]
    [row] = inbox.failures("rollup")
    assert (row["message_id"], row["code"], row["attempts"]) == (poison, "POISON_MESSAGE", 2)
    assert inbox.failures("rollup", TenantId("acme")) == []


def test_a_lambda_consumer_finds_its_queue_and_shortens_visibility(queues: Queues, inbox_table: str) -> None:
    def handle(env: Envelope, event: Event) -> None:
        raise ValueError("boom")

    inbox = Inbox(inbox_table)
    consumer = Consumer("rollup", [ThingHappened], handle, inbox)
    queues.send("poison")
    [message] = queues.sqs.receive_message(QueueUrl=queues.url)["Messages"]
    record = {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": {"ApproximateReceiveCount": "1"},
        "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:queue",
    }
    answer = consumer.process([record])
    assert answer == {"batchItemFailures": [{"itemIdentifier": message["MessageId"]}]}
    # Three minutes was the queue's own timeout; now it is seconds.
    until(lambda: "Messages" in queues.sqs.receive_message(QueueUrl=queues.url))
    assert len(inbox.failures("rollup")) == 1
