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
from services.cost_center.adapters.trouble_rows import TroubleRows
from services.cost_center.domain.trouble import Trouble, TroubleState
from shared.clock import iso
from shared.dynamo_items import from_attributes
from shared.table import TenantTable
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
    return Standing(rows, [*stuck, *_deliveries(connected, parts, now, processing_too_long)])


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
    now: datetime,
    too_long: timedelta,
) -> list[dict[str, Any]]:
    table = next((stack.outputs["BillTable"] for stack in parts if "BillTable" in stack.outputs), None)
    if table is None:
        return []
    return [
        _stuck(
            now,
            "delivery",
            f"{tenant}/{row['source']}/{row['filename']} ({row['delivery_id']})",
            1,
            row["received_at"],
            _why_unfinished(troubles.get(row["delivery_id"]), now),
        )
        for tenant in (str(each["tenant"]) for each in all_tenants(connected))
        for troubles in [_troubles(connected, table, tenant)]
        for row in _processing(connected, table, tenant)
        if row["received_at"] < iso(now - too_long) or _is_failed(troubles.get(row["delivery_id"]), now)
    ]


def _processing(connected: Session, table: str, tenant: str) -> list[dict[str, Any]]:
    pages = (
        connected.platform.client("dynamodb")
        .get_paginator("query")
        .paginate(
            TableName=table,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :kind)",
            FilterExpression="#status = :processing",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={
                ":pk": {"S": f"TENANT#{tenant}"},
                ":kind": {"S": "DELIVERY#"},
                ":processing": {"S": "processing"},
            },
        )
    )
    found = asking(
        connected, "Deliveries cannot be read", lambda: [row for page in pages for row in page["Items"]]
    )
    return [from_attributes(row) for row in found]


def _troubles(connected: Session, table: str, tenant: str) -> dict[str, Trouble]:
    """The tenant's deliveries that fail, by their id."""
    rows = TroubleRows(TenantTable(table, connected.platform.client("dynamodb")))
    found = asking(connected, "Failed deliveries cannot be read", lambda: list(rows.open(tenant_id(tenant))))
    return {each.delivery_id: each for each in found}


def _is_failed(trouble: Trouble | None, now: datetime) -> bool:
    return trouble is not None and trouble.state(now) is TroubleState.FAILED


def _why_unfinished(trouble: Trouble | None, now: datetime) -> str:
    if trouble is None:
        return "no failure was filed: its worker is still at it, or was killed at its first attempt"
    code, reason = trouble.told(now)
    given_up = "given up" if _is_failed(trouble, now) else "tried again"
    return f"{given_up} after {trouble.attempts} attempts: {code}: {reason}"


def _stuck(
    now: datetime, what: str, where: str, count: int | None, since: str | None, why: str
) -> dict[str, Any]:
    seconds = max(0, int((now - datetime.fromisoformat(since)).total_seconds())) if since else None
    return {"what": what, "where": where, "count": count, "since": since, "seconds": seconds, "why": why}
