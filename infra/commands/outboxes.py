"""The outbox tables of a platform: the record of what went over its bus in the last 7 days."""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from infra.commands.channels import Stack, asking
from infra.commands.session import Session
from shared.clock import iso
from shared.outbox import INDEX, PARTITION, SHARDS

_TABLE = "OutboxTable"


def events(
    connected: Session,
    parts: Sequence[Stack],
    tenants: Sequence[str],
    since: datetime,
    kind: str | None = None,
) -> list[dict[str, Any]]:
    """The events of `tenants` from `since` on, the newest last; `kind` is a detail-type.

    Reads a tenant's rows of the last 7 days: an event's id is derived from what it tells of where the same
    fact must be the same event, so rows do not lie in the order of time.
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
    if (table := stack.outputs.get(_TABLE)) is None:
        return 0, None
    oldest: str | None = None
    count = 0
    for shard in range(SHARDS):
        request = {
            "TableName": table,
            "IndexName": INDEX,
            "KeyConditionExpression": "pending = :shard AND created_at < :before",
            "ExpressionAttributeValues": {":shard": {"S": str(shard)}, ":before": {"S": iso(before)}},
            "ProjectionExpression": "created_at",
        }
        moments = [row["created_at"]["S"] for row in _rows(connected, request)]
        count += len(moments)
        oldest = min([*moments, *([oldest] if oldest else [])], default=None)
    return count, oldest


def _of_tenant(
    connected: Session, table: str, tenant: str, since: datetime, kind: str | None
) -> Iterator[dict[str, Any]]:
    values = {":pk": {"S": f"TENANT#{tenant}#{PARTITION}"}, ":since": {"S": iso(since)}}
    only = "created_at >= :since"
    if kind:
        values[":kind"] = {"S": kind}
        only += " AND detail_type = :kind"
    request = {
        "TableName": table,
        "KeyConditionExpression": "pk = :pk",
        "FilterExpression": only,
        "ExpressionAttributeValues": values,
    }
    yield from _rows(connected, request)


def _rows(connected: Session, request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    pages = connected.platform.client("dynamodb").get_paginator("query").paginate(**request)
    yield from asking(
        connected, "An outbox cannot be read", lambda: [row for page in pages for row in page["Items"]]
    )


def _event(row: dict[str, Any]) -> dict[str, Any]:
    envelope = json.loads(row["envelope"]["S"])
    return {
        "time": row["created_at"]["S"],
        "tenant": envelope.get("tenantid"),
        "type": row["detail_type"]["S"],
        "state": "pending" if "pending" in row else "published",
        "published_at": row.get("published_at", {}).get("S"),
        "subject": envelope.get("subject"),
        "id": row["sk"]["S"],
        "correlation_id": envelope.get("correlationid"),
        "data": envelope.get("data"),
    }
