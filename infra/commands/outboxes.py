"""The outbox tables of a platform: the record of what went over its bus in the last 7 days."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from infra.commands.channels import Stack, asking
from infra.commands.session import Session
from shared.clock import iso
from shared.outbox import INDEX, PARTITION, SHARDS

TIME_INDEX = "by_time"
"""A tenant's rows in the order of time (see `infra.constructs.domain_table.time_index`)."""
_TABLE = "OutboxTable"
_NO_INDEX = ("ValidationException", "ResourceNotFoundException")


def events(
    connected: Session,
    parts: Sequence[Stack],
    tenants: Sequence[str],
    since: datetime,
    kind: str | None = None,
) -> list[dict[str, Any]]:
    """The events of `tenants` from `since` on, the newest last; `kind` is a detail-type.

    Reads no older row: an index has a tenant's rows in the order of time, as their ids do not (an id is
    derived from what an event tells of, where the same fact must be the same event). An environment that was
    deployed before there was this index is read whole, 7 days.
    """
    found = [
        _event(row)
        for stack in parts
        if (table := stack.outputs.get(_TABLE))
        for tenant in tenants
        for row in _of_tenant(connected, table, tenant, since, kind)
    ]
    return sorted(found, key=lambda row: (row["time"], row["id"]))


def pending(connected: Session, stack: Stack, before: datetime) -> tuple[int, str | None]:
    """(how many rows were written before `before` and not confirmed yet, when the oldest was)."""
    moments = [row.created_at for row in pending_rows(connected, stack, before)]
    return len(moments), min(moments, default=None)


def tenant_of(pk: str) -> str:
    """The tenant of an outbox row's partition key."""
    return pk.removeprefix("TENANT#").removesuffix(f"#{PARTITION}")


@dataclass(frozen=True)
class Pending:
    """A row that the bus has not, by its keys; `envelope` is its event's text as it is stored."""

    pk: str
    id: str
    created_at: str
    envelope: str

    @property
    def tenant(self) -> str:
        return tenant_of(self.pk)


def pending_rows(connected: Session, stack: Stack, before: datetime) -> list[Pending]:
    """The rows that were written before `before` and are not confirmed yet, the oldest first."""
    if (table := stack.outputs.get(_TABLE)) is None:
        return []
    requests = (
        {
            "TableName": table,
            "IndexName": INDEX,
            "KeyConditionExpression": "pending = :shard AND created_at < :before",
            "ExpressionAttributeValues": {":shard": {"S": str(shard)}, ":before": {"S": iso(before)}},
        }
        for shard in range(SHARDS)
    )
    found = [
        Pending(
            pk=row["pk"]["S"],
            id=row["sk"]["S"],
            created_at=row["created_at"]["S"],
            envelope=row.get("envelope", {}).get("S", ""),
        )
        for request in requests
        for row in _rows(connected, request)
    ]
    return sorted(found, key=lambda row: (row.created_at, row.id))


def _of_tenant(
    connected: Session, table: str, tenant: str, since: datetime, kind: str | None
) -> list[dict[str, Any]]:
    request: dict[str, Any] = {
        "TableName": table,
        "ExpressionAttributeValues": {
            ":pk": {"S": f"TENANT#{tenant}#{PARTITION}"},
            ":since": {"S": iso(since)},
            **({":kind": {"S": kind}} if kind else {}),
        },
    }
    only = ["detail_type = :kind"] if kind else []
    indexed = {
        **request,
        "IndexName": TIME_INDEX,
        "KeyConditionExpression": "pk = :pk AND created_at >= :since",
        **({"FilterExpression": only[0]} if only else {}),
    }
    whole = {
        **request,
        "KeyConditionExpression": "pk = :pk",
        "FilterExpression": " AND ".join(["created_at >= :since", *only]),
    }

    def read() -> list[dict[str, Any]]:
        try:
            return _pages(connected, indexed)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _NO_INDEX:
                raise
        return _pages(connected, whole)

    return asking(connected, "An outbox cannot be read", read)


def _rows(connected: Session, request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from asking(connected, "An outbox cannot be read", lambda: _pages(connected, request))


def _pages(connected: Session, request: dict[str, Any]) -> list[dict[str, Any]]:
    pages = connected.platform.client("dynamodb").get_paginator("query").paginate(**request)
    return [row for page in pages for row in page["Items"]]


def _envelope(text: str) -> dict[str, Any]:
    """Empty for a row that is no event: it is shown as pending, and `onyx dlq redrive` says why."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _event(row: dict[str, Any]) -> dict[str, Any]:
    envelope = _envelope(row["envelope"]["S"])
    return {
        "time": row["created_at"]["S"],
        "tenant": envelope.get("tenantid") or tenant_of(row["pk"]["S"]),
        "type": row["detail_type"]["S"],
        "state": "pending" if "pending" in row else "published",
        "published_at": row.get("published_at", {}).get("S"),
        "subject": envelope.get("subject"),
        "id": row["sk"]["S"],
        "correlation_id": envelope.get("correlationid"),
        "data": envelope.get("data"),
    }
