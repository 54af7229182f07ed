"""Events as they arrive: on the bus, in SQS, in Lambda; and doubles of the AWS clients that carry them."""

import json
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from shared.clock import Clock
from shared.events import Envelope
from shared.inbox import Claim
from shared.tenancy import TenantId

QUEUE_ARN = "arn:aws:sqs:us-east-1:000000000000:queue"


def bridge_event(env: Envelope) -> dict[str, Any]:
    """The EventBridge event that carries `env`, as it is delivered."""
    return {
        "version": "0",
        "id": "00000000-0000-0000-0000-000000000000",
        "detail-type": env.type,
        "source": env.source,
        "account": "000000000000",
        "time": "2026-11-20T00:00:00Z",
        "region": "us-east-1",
        "resources": [],
        "detail": json.loads(env.model_dump_json(exclude_none=True)),
    }


def bridge_body(env: Envelope) -> str:
    """The body of the SQS message (raw delivery from SNS) that carries `env`."""
    return json.dumps(bridge_event(env))


def sqs_record(
    body: str, message_id: str = "m-1", receive_count: int = 1, arn: str = QUEUE_ARN
) -> dict[str, Any]:
    """A record of Lambda's SQS event."""
    return {
        "messageId": message_id,
        "receiptHandle": f"receipt-{message_id}",
        "body": body,
        "attributes": {"ApproximateReceiveCount": str(receive_count)},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
    }


class FakeSqs:
    """Keeps what was asked of it; `log` is shared with other doubles to see the order of things."""

    def __init__(self, log: list[str] | None = None) -> None:
        self.visibility: list[tuple[str, int]] = []
        self.queues_asked: list[str] = []
        self.log = log if log is not None else []

    def get_queue_url(self, *, QueueName: str, QueueOwnerAWSAccountId: str) -> dict[str, str]:  # noqa: N803
        self.queues_asked.append(QueueName)
        return {"QueueUrl": f"https://sqs/{QueueOwnerAWSAccountId}/{QueueName}"}

    def change_message_visibility(self, *, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int) -> None:  # noqa: N803
        self.visibility.append((ReceiptHandle, VisibilityTimeout))
        self.log.append(f"visibility {VisibilityTimeout}")


class FakeInbox:
    """An inbox in memory: claims by event id, failure rows in a list."""

    def __init__(self, clock: Clock, log: list[str] | None = None) -> None:
        self._clock = clock
        self.claims: dict[tuple[str, str, str], Any] = {}
        self.rows: list[dict[str, Any]] = []
        self.resolved: list[str] = []
        self.log = log if log is not None else []

    def claim(
        self, tenant: TenantId, consumer: str, event_id: str, *, lease: timedelta, owner: str | None = None
    ) -> Claim:
        held = self.claims.get((tenant, consumer, event_id))
        if held == Claim.DONE:
            return Claim.DONE
        if held is not None and held > self._clock.now():
            return Claim.IN_PROGRESS
        self.claims[tenant, consumer, event_id] = self._clock.now() + lease
        return Claim.NEW

    def complete(self, tenant: TenantId, consumer: str, event_id: str) -> None:
        self.claims[tenant, consumer, event_id] = Claim.DONE
        self.log.append("complete")

    def release(self, tenant: TenantId, consumer: str, event_id: str, *, owner: str | None = None) -> None:
        if self.claims.get((tenant, consumer, event_id)) != Claim.DONE:
            self.claims.pop((tenant, consumer, event_id), None)
            self.log.append("release")

    def record_failure(self, consumer: str, message_id: str, **row: Any) -> None:
        self.rows.append({"consumer": consumer, "message_id": message_id, **row})
        self.log.append(f"failure {row['code']}")

    def resolve_failure(self, consumer: str, message_id: str, *, tenant: TenantId | None) -> None:
        self.resolved.append(message_id)


class FakeBus:
    """PutEvents: takes entries, except those that `refuse` picks; `fail` makes the whole call raise."""

    def __init__(self, refuse: Callable[[dict[str, Any]], bool] = lambda entry: False) -> None:
        self.refuse = refuse
        self.fail: Exception | None = None
        self.calls: list[Sequence[dict[str, Any]]] = []
        self.published: list[dict[str, Any]] = []

    def put_events(self, *, Entries: Sequence[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        self.calls.append(Entries)
        if self.fail is not None:
            raise self.fail
        results = []
        for entry in Entries:
            if self.refuse(entry):
                results.append({"ErrorCode": "InternalFailure", "ErrorMessage": "refused"})
            else:
                self.published.append(entry)
                results.append({"EventId": str(len(self.published))})
        failed = sum("ErrorCode" in each for each in results)
        return {"FailedEntryCount": failed, "Entries": results}

    def event_ids(self) -> list[str]:
        """The envelopes' ids in the order of publication."""
        return [json.loads(entry["Detail"])["id"] for entry in self.published]
