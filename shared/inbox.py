"""The inbox: which event a consumer has done, and why it failed where it did.

Claims make a consumer idempotent by event id: pk TENANT#<tenant>#INBOX#<consumer>, sk <event id>, with
status "working" (until lease_until, then anybody may take it over) or "done". Failure rows say what went
wrong with a message: pk TENANT#<tenant or unknown>#FAILURE#<consumer>, sk <message id>. Both are kept
30 days: longer than a message can live (4 days in its queue and 14 in the DLQ).
"""

import uuid
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from shared import aws
from shared.clock import Clock, SystemClock, iso
from shared.dynamo_items import Item, from_attributes, to_attributes
from shared.table_writes import partition_key, row_key
from shared.tenancy import UNKNOWN_TENANT, TenantId

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEPT = timedelta(days=30)
_LONGEST_TEXT = 8_000


class Claim(StrEnum):
    """What a claim found."""

    NEW = "new"
    """The event is this caller's to handle, until the lease ends."""
    IN_PROGRESS = "in_progress"
    """Somebody else is handling it; should they die, their lease ends."""
    DONE = "done"
    """It was handled before."""


class Inbox:
    """One domain's claims and failure rows."""

    def __init__(
        self, table_name: str, client: "DynamoDBClient | None" = None, clock: Clock | None = None
    ) -> None:
        self.table_name = table_name
        self._given = client
        self._clock = clock or SystemClock()
        self._owner = uuid.uuid4().hex

    @property
    def client(self) -> "DynamoDBClient":
        return self._given or aws.dynamodb()

    def claim(
        self, tenant: TenantId, consumer: str, event_id: str, *, lease: timedelta, owner: str | None = None
    ) -> Claim:
        """Try to take the event for `lease`. `owner` tells claims of one process apart (for `release`)."""
        now = self._clock.now()
        try:
            self.client.update_item(
                TableName=self.table_name,
                Key=_claim_key(tenant, consumer, event_id),
                UpdateExpression=(
                    "SET #status = :working, lease_until = :until, #owner = :owner, #ttl = :ttl, "
                    "claimed_at = :at ADD attempts :one"
                ),
                ConditionExpression=(
                    "attribute_not_exists(pk) OR (#status = :working AND lease_until <= :now)"
                ),
                ExpressionAttributeNames={"#status": "status", "#owner": "owner", "#ttl": "ttl"},
                ExpressionAttributeValues=to_attributes(
                    {
                        ":working": "working",
                        ":until": _millis(now + lease),
                        ":now": _millis(now),
                        ":owner": owner or self._owner,
                        ":ttl": _ttl(now),
                        ":at": iso(now),
                        ":one": 1,
                    }
                ),
            )
        except ClientError as error:
            _only_refusals(error)
        else:
            return Claim.NEW
        row = self.client.get_item(
            TableName=self.table_name, Key=_claim_key(tenant, consumer, event_id), ConsistentRead=True
        ).get("Item")
        # A row that is gone by now was released: busy a moment ago, and free at the next delivery.
        return Claim.DONE if row and row["status"].get("S") == "done" else Claim.IN_PROGRESS

    def complete(self, tenant: TenantId, consumer: str, event_id: str) -> None:
        """Note that the event is handled, whoever holds the lease by now: the work is done."""
        now = self._clock.now()
        self.client.update_item(
            TableName=self.table_name,
            Key=_claim_key(tenant, consumer, event_id),
            UpdateExpression="SET #status = :done, done_at = :at, #ttl = :ttl REMOVE lease_until, #owner",
            ExpressionAttributeNames={"#status": "status", "#owner": "owner", "#ttl": "ttl"},
            ExpressionAttributeValues=to_attributes({":done": "done", ":at": iso(now), ":ttl": _ttl(now)}),
        )

    def release(self, tenant: TenantId, consumer: str, event_id: str, *, owner: str | None = None) -> None:
        """Give the event back, so that the next delivery need not wait for the lease.

        Does nothing when the claim is done or has passed to somebody else.
        """
        try:
            self.client.delete_item(
                TableName=self.table_name,
                Key=_claim_key(tenant, consumer, event_id),
                ConditionExpression="#status = :working AND #owner = :owner",
                ExpressionAttributeNames={"#status": "status", "#owner": "owner"},
                ExpressionAttributeValues=to_attributes(
                    {":working": "working", ":owner": owner or self._owner}
                ),
            )
        except ClientError as error:
            _only_refusals(error)

    def record_failure(
        self,
        consumer: str,
        message_id: str,
        *,
        tenant: TenantId | None,
        code: str,
        detail: str,
        trace: str,
        body_sha: str,
        receive_count: int,
    ) -> None:
        """Write or renew the message's failure row; `attempts` counts the renewals."""
        now = self._clock.now()
        self.client.update_item(
            TableName=self.table_name,
            Key=_failure_key(tenant, consumer, message_id),
            UpdateExpression=(
                "SET code = :code, detail = :detail, #trace = :trace, body_sha = :sha, "
                "receive_count = :received, failed_at = :at, consumer = :consumer, #ttl = :ttl, "
                "first_failed_at = if_not_exists(first_failed_at, :at) REMOVE resolved_at ADD attempts :one"
            ),
            ExpressionAttributeNames={"#trace": "trace", "#ttl": "ttl"},
            ExpressionAttributeValues=to_attributes(
                {
                    ":code": code,
                    ":detail": detail[:_LONGEST_TEXT],
                    # The end of a trace names the error.
                    ":trace": trace[-_LONGEST_TEXT:],
                    ":sha": body_sha,
                    ":received": receive_count,
                    ":at": iso(now),
                    ":consumer": consumer,
                    ":ttl": _ttl(now),
                    ":one": 1,
                }
            ),
        )

    def resolve_failure(self, consumer: str, message_id: str, *, tenant: TenantId | None) -> None:
        """Note that a message that had failed was handled after all, if it has a failure row."""
        try:
            self.client.update_item(
                TableName=self.table_name,
                Key=_failure_key(tenant, consumer, message_id),
                UpdateExpression="SET resolved_at = :at",
                ConditionExpression="attribute_exists(pk)",
                ExpressionAttributeValues=to_attributes({":at": iso(self._clock.now())}),
            )
        except ClientError as error:
            _only_refusals(error)

    def failures(self, consumer: str, tenant: TenantId | None = None) -> list[Item]:
        """The failure rows of a consumer for one tenant (None: those whose tenant could not be read).

        Each has message_id, code, detail, trace, body_sha, receive_count, attempts, first_failed_at,
        failed_at, and resolved_at where a later delivery was handled.
        """
        pk = _failure_key(tenant, consumer, "-")["pk"]
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table_name,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": pk},
            ConsistentRead=True,
        )
        rows = [from_attributes(row) for page in pages for row in page["Items"]]
        return [{"message_id": row.pop("sk"), **row} for row in rows if row.pop("pk")]


def _claim_key(tenant: TenantId, consumer: str, event_id: str) -> dict[str, Any]:
    return row_key(tenant, event_id, f"INBOX#{consumer}")


def _failure_key(tenant: TenantId | None, consumer: str, message_id: str) -> dict[str, Any]:
    partition = f"FAILURE#{consumer}"
    # The reserved name is no tenant, so the tenant's own key function refuses it.
    pk = f"TENANT#{UNKNOWN_TENANT}#{partition}" if tenant is None else partition_key(tenant, partition)
    return {"pk": {"S": pk}, "sk": {"S": message_id}}


def _only_refusals(error: ClientError) -> None:
    if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
        raise error


def _millis(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _ttl(now: datetime) -> int:
    return int((now + KEPT).timestamp())
