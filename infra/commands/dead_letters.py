"""Messages in a dead-letter queue: looked at without being taken, told with their failure, brought back."""

import time
from collections.abc import Collection, Mapping
from typing import Any

from botocore.exceptions import ClientError

from infra.commands.channels import Channel, asking, depths
from infra.commands.errors import CommandError
from infra.commands.letters import MANY, Letter, each, show_again
from infra.commands.session import Session
from shared.clock import iso
from shared.dynamo_items import Item, from_attributes
from shared.tenancy import UNKNOWN_TENANT

NO_ROW = "no failure row: killed or timed out"
_POLL_SECONDS = 1.0
_UNSUPPORTED = ("UnsupportedOperation", "InvalidAction", "InvalidParameterValue", "InvalidAddress")


def look(connected: Session, dead: str, most: int) -> list[Letter]:
    """Up to `most` messages, the oldest first; all are back in sight when this returns."""
    sqs = connected.platform.client("sqs")
    found: dict[str, Letter] = {}

    def receive() -> None:
        each(sqs, dead, most, lambda letter: found.setdefault(letter.message_id, letter))

    try:
        asking(connected, "The dead-letter queue cannot be read", receive)
    finally:
        for letter in found.values():
            show_again(sqs, dead, letter)
    return sorted(found.values(), key=lambda letter: letter.sent_at)[:most]


def describe(connected: Session, channel: Channel, letter: Letter) -> dict[str, Any]:
    """One row: the message, and the failure that its consumer filed."""
    event, detail = letter.event, letter.detail
    row: dict[str, Any] = {
        "message_id": letter.message_id,
        "sent_at": iso(letter.sent_at),
        "event_type": event.get("detail-type") or _condition(event),
        "tenant": letter.tenant,
        "correlation_id": detail.get("correlationid") or detail.get("id") or event.get("id"),
    }
    failure = failure_of(connected, channel, letter)
    told = ("code", "detail", "attempts", "failed_at")
    if failure is None:
        absent = NO_ROW if channel.queue else "what was given up is named in the body"
        return {**row, "code": None, "detail": absent, "attempts": None, "failed_at": None}
    return {**row, **{name: failure.get(name) for name in told}}


def _condition(event: Mapping[str, Any]) -> Any:
    """Why Lambda gave up, in the note that it leaves in a failure queue."""
    context = event.get("requestContext")
    return context.get("condition") if isinstance(context, dict) else None


def failure_of(connected: Session, channel: Channel, letter: Letter) -> Item | None:
    """The row that the channel's consumer wrote before it gave the message back."""
    if channel.inbox is None or channel.consumer is None:
        return None
    keys = [
        {"pk": {"S": f"TENANT#{tenant}#FAILURE#{channel.consumer}"}, "sk": {"S": letter.message_id}}
        for tenant in dict.fromkeys((letter.tenant, UNKNOWN_TENANT))
        if tenant is not None
    ]
    dynamodb = connected.platform.client("dynamodb")

    def read() -> Item | None:
        for key in keys:
            row = dynamodb.get_item(TableName=channel.inbox, Key=key, ConsistentRead=True).get("Item")
            if row:
                return from_attributes(row)
        return None

    return asking(connected, "The failure rows cannot be read", read)


def redrive(connected: Session, channel: Channel, message_ids: Collection[str]) -> int:
    """Brings messages back into the channel's queue (all of them without ids); returns how many.

    SQS moves them itself where it can; else each is sent before it is deleted, so that a crash between the
    two leaves it twice and never nowhere (consumers know an event by its id).
    """
    if channel.queue is None:
        raise ValueError(f"{channel.name} has no queue: see relay_failures")
    if not message_ids and (moved := _moved_by_sqs(connected, channel.queue, channel.dead)) is not None:
        return moved
    return _moved_by_hand(connected, channel.queue, channel.dead, frozenset(message_ids))


def _moved_by_sqs(connected: Session, queue: str, dead: str) -> int | None:
    """The count of a finished message move task; None where there are no such tasks (the local emulator)."""
    sqs = connected.platform.client("sqs")
    source, target = (_arn(connected, url) for url in (dead, queue))
    try:
        # The queue is named, or what the rule or the topic left there would not know where to go.
        sqs.start_message_move_task(SourceArn=source, DestinationArn=target)
    except ClientError as error:
        if any(part in error.response["Error"]["Code"] for part in _UNSUPPORTED):
            return None
        raise CommandError(f"The messages cannot be moved: {error}") from None
    while True:
        task = asking(
            connected,
            "The move cannot be followed",
            lambda: sqs.list_message_move_tasks(SourceArn=source, MaxResults=1)["Results"][0],
        )
        moved = int(task.get("ApproximateNumberOfMessagesMoved", 0))
        if task["Status"] == "COMPLETED":
            return moved
        if task["Status"] != "RUNNING":
            why = task.get("FailureReason", task["Status"])
            raise CommandError(f"The move ended after {moved} messages: {why}")
        time.sleep(_POLL_SECONDS)


def _moved_by_hand(connected: Session, queue: str, dead: str, wanted: frozenset[str]) -> int:
    sqs = connected.platform.client("sqs")
    # What is there now: a message that fails again meanwhile is not brought back a second time.
    most = MANY if wanted else sum(depths(connected, dead))
    moved: set[str] = set()
    passed: list[Letter] = []

    def move(letter: Letter) -> None:
        if wanted and letter.message_id not in wanted:
            passed.append(letter)
            return
        attributes = {"MessageAttributes": dict(letter.attributes)} if letter.attributes else {}
        sqs.send_message(QueueUrl=queue, MessageBody=letter.body, **attributes)
        sqs.delete_message(QueueUrl=dead, ReceiptHandle=letter.receipt)
        moved.add(letter.message_id)

    try:
        asking(connected, "The messages cannot be moved", lambda: each(sqs, dead, most, move, wanted, moved))
    finally:
        for letter in passed:
            show_again(sqs, dead, letter)
    if missing := sorted(wanted - moved):
        raise CommandError(
            f"{len(moved)} brought back; not in the dead-letter queue (or hidden, as it was just looked at): "
            f"{', '.join(missing)}"
        )
    return len(moved)


def _arn(connected: Session, url: str) -> str:
    sqs = connected.platform.client("sqs")
    found = asking(
        connected,
        "A queue cannot be read",
        lambda: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"]),
    )
    return str(found["Attributes"]["QueueArn"])
