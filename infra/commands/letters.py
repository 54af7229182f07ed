"""Receiving what lies in a dead-letter queue: each message once, and back in sight where it was only seen."""

import json
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from infra.commands.channels import asking
from infra.commands.session import Session

MANY = 100_000
"""More than a queue holds that a person picks messages from."""
_AT_ONCE = 10
_HIDDEN_SECONDS = 60
"""How long a message is out of others' sight while it is looked at or moved."""
_EMPTY_ANSWERS = 3
"""SQS may answer nothing although something is there: so often in a row, it is empty."""


@dataclass(frozen=True)
class Letter:
    """A message in a dead-letter queue."""

    message_id: str
    body: str
    sent_at: datetime
    """When it first came into its queue."""
    receipt: str
    attributes: Mapping[str, Any]

    @property
    def event(self) -> Mapping[str, Any]:
        """The body as the event that it should be; empty where it is none."""
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def detail(self) -> Mapping[str, Any]:
        found = self.event.get("detail")
        return found if isinstance(found, dict) else {}

    @property
    def tenant(self) -> str | None:
        """Of the envelope, or of the prefix that the object of an S3 event lies under."""
        if isinstance(told := self.detail.get("tenantid"), str):
            return told
        landed = self.detail.get("object")
        key = landed.get("key") if isinstance(landed, dict) else None
        return key.split("/")[0] if isinstance(key, str) and "/" in key else None


def take_away(connected: Session, dead: str, wanted: Callable[[Letter], bool]) -> tuple[int, int]:
    """Deletes the messages that are `wanted`: (how many, how many are left). The others are back in sight."""
    sqs = connected.platform.client("sqs")
    kept: list[Letter] = []
    removed: list[str] = []

    def take(letter: Letter) -> None:
        if not wanted(letter):
            kept.append(letter)
            return
        sqs.delete_message(QueueUrl=dead, ReceiptHandle=letter.receipt)
        removed.append(letter.message_id)

    try:
        asking(connected, "The messages cannot be removed", lambda: each(sqs, dead, MANY, take))
    finally:
        for letter in kept:
            show_again(sqs, dead, letter)
    return len(removed), len(kept)


def each(
    sqs: Any,
    dead: str,
    most: int,
    take: Callable[[Letter], object],
    wanted: frozenset[str] = frozenset(),
    done: Collection[str] = (),
) -> None:
    """Hands out each message once, until `most` were seen, all `wanted` are done, or none comes any more."""
    seen: set[str] = set()
    empty = 0
    while len(seen) < most and empty < _EMPTY_ANSWERS and not (wanted and wanted <= set(done)):
        answer = sqs.receive_message(
            QueueUrl=dead,
            MaxNumberOfMessages=min(_AT_ONCE, most - len(seen)),
            VisibilityTimeout=_HIDDEN_SECONDS,
            MessageSystemAttributeNames=["SentTimestamp"],
            MessageAttributeNames=["All"],
        )
        fresh = [one for one in answer.get("Messages", []) if one["MessageId"] not in seen]
        empty = 0 if fresh else empty + 1
        for one in fresh:
            seen.add(one["MessageId"])
            take(_letter(one))


def _letter(message: Mapping[str, Any]) -> Letter:
    sent = int(message.get("Attributes", {}).get("SentTimestamp", 0))
    return Letter(
        message_id=message["MessageId"],
        body=message["Body"],
        sent_at=datetime.fromtimestamp(sent / 1000, UTC),
        receipt=message["ReceiptHandle"],
        attributes={
            name: {part: value[part] for part in ("DataType", "StringValue", "BinaryValue") if part in value}
            for name, value in message.get("MessageAttributes", {}).items()
        },
    )


def show_again(sqs: Any, dead: str, letter: Letter) -> None:
    """Back in sight at once; where SQS refuses (it is gone, or another's), its hiding ends by itself."""
    with suppress(ClientError):
        sqs.change_message_visibility(QueueUrl=dead, ReceiptHandle=letter.receipt, VisibilityTimeout=0)
