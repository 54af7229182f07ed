"""What is stuck on a platform: where, since when and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from infra.commands.channels import Channel, Stack, asking, channels, depths, oldest_ages, stacks
from infra.commands.dead_letters import NO_ROW, describe, look
from infra.commands.outboxes import pending
from infra.commands.session import Session
from infra.commands.tenant import all_tenants
from shared.clock import iso
from shared.dynamo_items import from_attributes
from shared.inbox import Inbox
from shared.tenancy import tenant_id

CHANNEL_COLUMNS = ("channel", "depth", "in_flight", "oldest_seconds", "dead")
STUCK_COLUMNS = ("what", "where", "count", "since", "seconds", "why")
PENDING_TOO_LONG = timedelta(minutes=1)
WAITING_TOO_LONG = timedelta(minutes=15)
_SAMPLE = 10


@dataclass(frozen=True)
class Standing:
    """`channels`: a row of CHANNEL_COLUMNS each. `stuck`: a row of STUCK_COLUMNS for whatever is."""

    channels: list[dict[str, Any]]
    stuck: list[dict[str, Any]]


def standing(connected: Session, processing_too_long: timedelta) -> Standing:
    """How the platform stands now."""
    now = datetime.now(UTC)
    parts = stacks(connected)
    known = channels(connected, parts)
    ages = oldest_ages(connected, [channel.queue for channel in known if channel.queue], now)
    rows, stuck = [], []
    for channel in known:
        depth, flying = depths(connected, channel.queue) if channel.queue else (None, None)
        age = ages.get(channel.queue) if channel.queue and depth else None
        dead = sum(depths(connected, channel.dead))
        rows.append(
            {
                "channel": channel.name,
                "depth": depth,
                "in_flight": flying,
                "oldest_seconds": age,
                "dead": dead,
            }
        )
        if age is not None and age >= WAITING_TOO_LONG.total_seconds():
            since = iso(now - timedelta(seconds=age))
            stuck.append(_stuck(now, "queue", channel.name, depth, since, "its consumer is down or too slow"))
        if dead:
            stuck.append(_given_up(connected, channel, dead, now))
    for stack in parts:
        count, oldest = pending(connected, stack, now - PENDING_TOO_LONG)
        if count:
            why = "the bus has not taken them: see the outbox relay's log and `onyx dlq list`"
            stuck.append(_stuck(now, "outbox", f"{stack.part}/Outbox", count, oldest, why))
    return Standing(rows, [*stuck, *_deliveries(connected, parts, known, now, processing_too_long)])


def _given_up(connected: Session, channel: Channel, dead: int, now: datetime) -> dict[str, Any]:
    letters = look(connected, channel.dead, min(dead, _SAMPLE))
    reasons = [describe(connected, channel, letter) for letter in letters]
    why = dict.fromkeys(
        f"{row['code']}: {row['detail']}" if row["code"] else str(row["detail"]) for row in reasons
    )
    since = reasons[0]["sent_at"] if reasons else None
    return _stuck(now, "dead-letter", channel.name, dead, since, "; ".join(why) or NO_ROW)


def _deliveries(
    connected: Session,
    parts: Sequence[Stack],
    known: Sequence[Channel],
    now: datetime,
    too_long: timedelta,
) -> list[dict[str, Any]]:
    table = next((stack.outputs["BillTable"] for stack in parts if "BillTable" in stack.outputs), None)
    landing = next((channel for channel in known if channel.short == "LandedBills"), None)
    if table is None:
        return []
    return [
        _stuck(
            now,
            "delivery",
            f"{tenant}/{row['source']}/{row['filename']} ({row['delivery_id']})",
            1,
            row["received_at"],
            _why_unfinished(connected, landing, tenant),
        )
        for tenant in (str(each["tenant"]) for each in all_tenants(connected))
        for row in _processing(connected, table, tenant, now - too_long)
    ]


def _processing(connected: Session, table: str, tenant: str, before: datetime) -> list[dict[str, Any]]:
    pages = (
        connected.platform.client("dynamodb")
        .get_paginator("query")
        .paginate(
            TableName=table,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :kind)",
            FilterExpression="#status = :processing AND received_at < :before",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={
                ":pk": {"S": f"TENANT#{tenant}"},
                ":kind": {"S": "DELIVERY#"},
                ":processing": {"S": "processing"},
                ":before": {"S": iso(before)},
            },
        )
    )
    found = asking(
        connected, "Deliveries cannot be read", lambda: [row for page in pages for row in page["Items"]]
    )
    return [from_attributes(row) for row in found]


def _why_unfinished(connected: Session, landing: Channel | None, tenant: str) -> str:
    """The tenant's latest open failure: a row names the message, not the delivery that it told of."""
    if landing is None or landing.inbox is None or landing.consumer is None:
        return "unknown"
    inbox = Inbox(landing.inbox, connected.platform.client("dynamodb"))
    consumer = landing.consumer
    rows = asking(
        connected, "Failure rows cannot be read", lambda: inbox.failures(consumer, tenant_id(tenant))
    )
    still = [row for row in rows if "resolved_at" not in row]
    if not still:
        return "no failure was filed: its worker was killed, timed out or is still at it"
    last = max(still, key=lambda row: str(row["failed_at"]))
    return f"the tenant's last open failure: {last['code']}: {last['detail']}"


def _stuck(
    now: datetime, what: str, where: str, count: int | None, since: str | None, why: str
) -> dict[str, Any]:
    seconds = max(0, int((now - datetime.fromisoformat(since)).total_seconds())) if since else None
    return {"what": what, "where": where, "count": count, "since": since, "seconds": seconds, "why": why}
