"""The outbox: an event leaves the domain with the state change that it tells of, or not at all.

The row is written in the same DynamoDB transaction as the state change. The relay reads the table's stream,
puts each event on the bus and confirms the row. A crash between the two publishes the event again, which is
why consumers are idempotent by event id. The index `by_pending` (pk `pending`, sk `created_at`) holds only
unconfirmed rows, spread over 8 shards; a sweep over it publishes what the stream lost.

A row never changes but for its confirmation, so the relay confirms a batch by putting the rows that it has in
hand again, in one call. A row that was deleted meanwhile comes back confirmed and with its time to live: it
is published by nobody, and gone again in 7 days.

Row: pk TENANT#<tenant>#OUTBOX, sk <event id>, envelope (JSON text), detail_type, created_at, pending
("0".."7") until confirmed, then published_at and ttl (7 days later).
"""

import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from shared import aws
from shared.clock import Clock, SystemClock, iso
from shared.errors import PayloadTooLarge
from shared.events import MAX_ENTRY_BYTES, Envelope, to_entry
from shared.failpoints import failpoint
from shared.observability import logger
from shared.table_writes import partition_key

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef
    from mypy_boto3_events import EventBridgeClient

SHARDS = 8
PARTITION = "OUTBOX"
INDEX = "by_pending"
_KEPT = timedelta(days=7)
_MOST_ENTRIES = 10
_CONFIRM_PAUSES = (0.05, 0.2, 0.8)
"""Seconds before what DynamoDB left unprocessed (it was throttled) is sent again."""


class Outbox:
    """Writes outbox rows as parts of a transaction."""

    def __init__(self, table_name: str, client: "DynamoDBClient | None" = None) -> None:
        self.table_name = table_name
        self.client = client

    def item(self, env: Envelope) -> "TransactWriteItemTypeDef":
        """The write that records `env`. Raises PayloadTooLarge now, while the change can still be refused."""
        to_entry(env, "")
        return {
            "Put": {
                "TableName": self.table_name,
                "Item": {
                    "pk": {"S": partition_key(env.tenant, PARTITION)},
                    "sk": {"S": env.id},
                    "envelope": {"S": env.model_dump_json(exclude_none=True)},
                    "detail_type": {"S": env.type},
                    "created_at": {"S": iso(env.time)},
                    "pending": {"S": shard_of(env.id)},
                },
                "ConditionExpression": "attribute_not_exists(pk)",
            }
        }


def shard_of(event_id: str) -> str:
    """Which of the 8 index partitions holds this event while it is pending."""
    return str(zlib.crc32(event_id.encode()) % SHARDS)


@dataclass(frozen=True)
class _Pending:
    """One event to publish: what to call it when it fails, its row and its entry."""

    name: str
    row: Mapping[str, Any]
    env: Envelope
    entry: Mapping[str, Any]

    @property
    def key(self) -> tuple[str, str]:
        return _key(self.row)

    @property
    def size(self) -> int:
        parts = (self.entry[name] for name in ("Detail", "Source", "DetailType"))
        return sum(len(part.encode()) for part in parts) + 14  # EventBridge counts 14 bytes for the time


class Relay:
    """Publishes outbox rows and confirms them."""

    def __init__(
        self,
        *,
        bus: str,
        table: str,
        events_client: "EventBridgeClient | None" = None,
        client: "DynamoDBClient | None" = None,
        clock: Clock | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._bus = bus
        self._table = table
        self._events = events_client or aws.eventbridge()
        self._dynamodb = client or aws.dynamodb()
        self._clock = clock or SystemClock()
        self._pause = pause

    def stream(self, records: Sequence[Mapping[str, Any]]) -> dict[str, list[dict[str, str]]]:
        """Publish the inserted rows of a stream batch; returns the records to retry by sequence number."""
        pending: list[_Pending] = []
        failed: list[str] = []
        for record in records:
            if record.get("eventName") != "INSERT":
                continue
            name = record["dynamodb"]["SequenceNumber"]
            row = record["dynamodb"].get("NewImage", {})
            if "envelope" in row and "pending" in row:
                self._take(name, row, pending, failed)
        failed += self._publish(pending)
        # In stream order: Lambda retries from the lowest one.
        order = {record["dynamodb"]["SequenceNumber"]: at for at, record in enumerate(records)}
        return {
            "batchItemFailures": [{"itemIdentifier": each} for each in sorted(failed, key=order.__getitem__)]
        }

    def sweep(
        self,
        *,
        older_than: timedelta = timedelta(minutes=1),
        most: int = 1000,
        note: Callable[[Envelope], object] = lambda env: None,
    ) -> tuple[int, int]:
        """Publish up to `most` rows that are pending for longer than `older_than`: (sent, failed).

        `note` is told of each event that was sent.
        """
        before = self._clock.now() - older_than
        sent = failed = 0
        for rows in _chunks(islice(self._unconfirmed(before), most), _MOST_ENTRIES):
            pending: list[_Pending] = []
            bad: list[str] = []
            for row in rows:
                self._take(row["sk"]["S"], row, pending, bad)
            bad += self._publish(pending)
            for each in pending:
                if each.name not in bad:
                    note(each.env)
            sent, failed = sent + len(rows) - len(bad), failed + len(bad)
        return sent, failed

    def _unconfirmed(self, before: datetime) -> Iterator[Mapping[str, Any]]:
        for shard in range(SHARDS):
            request: dict[str, Any] = {
                "TableName": self._table,
                "IndexName": INDEX,
                "KeyConditionExpression": "pending = :shard AND created_at < :before",
                "ExpressionAttributeValues": {":shard": {"S": str(shard)}, ":before": {"S": iso(before)}},
            }
            while True:
                answer = self._dynamodb.query(**request)
                yield from answer["Items"]
                if not (last := answer.get("LastEvaluatedKey")):
                    break
                request["ExclusiveStartKey"] = last

    def _take(self, name: str, row: Mapping[str, Any], pending: list[_Pending], failed: list[str]) -> None:
        """Queue a row; one that holds no valid envelope fails alone and holds up no other."""
        try:
            env = Envelope.model_validate_json(row["envelope"]["S"])
            entry = to_entry(env, self._bus)
        except (ValueError, PayloadTooLarge):
            logger.exception("outbox row is not an event", outbox_row=row["sk"]["S"])
            failed.append(name)
            return
        pending.append(_Pending(name, row, env, entry))

    def _publish(self, pending: Sequence[_Pending]) -> list[str]:
        failed: list[str] = []
        for batch in _batches(pending):
            failed += self._publish_batch(batch)
        return failed

    def _publish_batch(self, batch: Sequence[_Pending]) -> list[str]:
        failpoint("relay: taken")
        try:
            answer = self._events.put_events(Entries=[each.entry for each in batch])  # type: ignore[misc]
        except (ClientError, BotoCoreError):
            logger.exception("the bus took none of the entries", entries=len(batch))
            return [each.name for each in batch]
        failpoint("relay: published")
        failed, published = [], []
        for each, result in zip(batch, answer["Entries"], strict=True):
            if result.get("EventId"):
                published.append(each)
            else:
                logger.error("the bus refused an entry", code=result.get("ErrorCode"), row=each.name)
                failed.append(each.name)
        failed += self._confirm(published)
        failpoint("relay: confirmed")
        return failed

    def _confirm(self, published: Sequence[_Pending]) -> list[str]:
        """Mark the rows as published; returns the names of those that stay pending and are published again,
        which consumers bear."""
        now = self._clock.now()
        marks = {"published_at": {"S": iso(now)}, "ttl": {"N": str(int((now + _KEPT).timestamp()))}}
        # By key: a call that names a row twice is refused as a whole.
        rows = {each.key: {**each.row, **marks} for each in published}
        for row in rows.values():
            row.pop("pending", None)
        waiting: list[Any] = [{"PutRequest": {"Item": row}} for row in rows.values()]
        try:
            for pause in (*_CONFIRM_PAUSES, None):
                if not waiting:
                    return []
                answer = self._dynamodb.batch_write_item(RequestItems={self._table: waiting})
                waiting = list(answer.get("UnprocessedItems", {}).get(self._table, ()))
                if waiting and pause is not None:
                    self._pause(pause)
        except (ClientError, BotoCoreError):
            logger.exception("published, but not confirmed", rows=len(waiting))
        left = {_key(each["PutRequest"]["Item"]) for each in waiting}
        if left:
            logger.warning("published rows stay pending", rows=len(left))
        return [each.name for each in published if each.key in left]


def relay(
    records: Sequence[Mapping[str, Any]],
    *,
    bus: str,
    events_client: "EventBridgeClient | None" = None,
    table: str,
    client: "DynamoDBClient | None" = None,
    clock: Clock | None = None,
) -> dict[str, list[dict[str, str]]]:
    """Publish the outbox rows among stream `records`; returns Lambda's batchItemFailures."""
    return Relay(bus=bus, table=table, events_client=events_client, client=client, clock=clock).stream(
        records
    )


def _key(row: Mapping[str, Any]) -> tuple[str, str]:
    return row["pk"]["S"], row["sk"]["S"]


def _batches(pending: Sequence[_Pending]) -> Iterator[list[_Pending]]:
    """At most 10 entries and 256 KB per call: both are limits of PutEvents as a whole."""
    batch: list[_Pending] = []
    size = 0
    for each in pending:
        if batch and (len(batch) == _MOST_ENTRIES or size + each.size > MAX_ENTRY_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(each)
        size += each.size
    if batch:
        yield batch


def _chunks(rows: Iterable[Mapping[str, Any]], size: int) -> Iterator[list[Mapping[str, Any]]]:
    remaining = iter(rows)
    while chunk := list(islice(remaining, size)):
        yield chunk
