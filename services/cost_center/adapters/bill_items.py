"""Bills, deliveries and reconciliations as DynamoDB rows and back. Money is canonical text."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from services.cost_center.domain.bill import (
    Bill,
    Delivery,
    DeliveryKind,
    Outcome,
    PublishedSet,
    Status,
    Waiting,
)
from services.cost_center.domain.history import HistoricSet
from services.cost_center.domain.reconciliation import Reconciliation
from services.cost_center.domain.tables import GroupKey, GroupTotal
from services.cost_center.events import CurrencyTotal, PublishedTable, SetChanges
from shared.clock import iso
from shared.money import money_text

Item = dict[str, Any]
DELIVERY_PREFIX = "DELIVERY#"


def bill_item(bill: Bill) -> Item:
    """The `BILL#` row; readers take `bill_id`, `source`, `billing_period` and `published` from it."""
    return {
        **outcome_item(bill.outcome),
        "published": None if bill.published is None else published_item(bill.published),
        "last_rejection": None if bill.last_rejection is None else outcome_item(bill.last_rejection),
    }


def bill_of(item: Mapping[str, Any]) -> Bill:
    published, rejection = item.get("published"), item.get("last_rejection")
    return Bill(
        outcome=outcome_of(item),
        published=None if published is None else published_of(published),
        last_rejection=None if rejection is None else outcome_of(rejection),
        version=int(item["version"]),
    )


def outcome_item(outcome: Outcome) -> Item:
    return {
        "bill_id": outcome.bill_id,
        "source": outcome.source,
        "delivery_id": outcome.delivery_id,
        "status": outcome.status.value,
        "format": outcome.format,
        "billing_period": outcome.billing_period,
        "files": list(outcome.files),
        "rows": outcome.rows,
        "totals": [total.model_dump(mode="json") for total in outcome.totals],
        "reasons": list(outcome.reasons),
        "published_at": None if outcome.published_at is None else iso(outcome.published_at),
        "quarantine": outcome.quarantine,
    }


def outcome_of(item: Mapping[str, Any]) -> Outcome:
    moment = item["published_at"]
    return Outcome(
        bill_id=item["bill_id"],
        source=item["source"],
        delivery_id=item["delivery_id"],
        status=Status(item["status"]),
        format=item["format"],
        billing_period=item["billing_period"],
        files=tuple(item["files"]),
        rows=int(item["rows"]),
        totals=tuple(CurrencyTotal.model_validate(total) for total in item["totals"]),
        reasons=tuple(item["reasons"]),
        published_at=None if moment is None else datetime.fromisoformat(moment),
        quarantine=item.get("quarantine"),
    )


def published_item(published: PublishedSet) -> Item:
    return {
        "delivery_id": published.delivery_id,
        "attempt": published.attempt,
        "content": published.content,
        "recipe": published.recipe,
        "delivered_at": iso(published.delivered_at),
        "order": published.order,
        "published_at": iso(published.published_at),
        "primary": published.primary,
        "tables": {name: table.model_dump(mode="json") for name, table in published.tables.items()},
    }


def published_of(item: Mapping[str, Any]) -> PublishedSet:
    return PublishedSet(
        delivery_id=item["delivery_id"],
        attempt=item["attempt"],
        content=item["content"],
        recipe=item["recipe"],
        delivered_at=datetime.fromisoformat(item["delivered_at"]),
        published_at=datetime.fromisoformat(item["published_at"]),
        primary=item["primary"],
        tables={name: PublishedTable.model_validate(table) for name, table in item["tables"].items()},
        order=item.get("order", ""),
    )


def set_item(outcome: Outcome, published: PublishedSet, changes: SetChanges | None) -> Item:
    """The `SET#` row: what readers bind (see PublishedBill.from_history), and what the set came from.

    Once the set is no longer kept, its row has no `tables`.
    """
    return {
        **outcome_item(outcome),
        **published_item(published),
        "changes": None if changes is None else changes.model_dump(mode="json"),
    }


def historic_of(item: Mapping[str, Any]) -> HistoricSet:
    changes = item["changes"]
    return HistoricSet(
        outcome=outcome_of(item),
        published_at=datetime.fromisoformat(item["published_at"]),
        kept=bool(item.get("tables")),
        changes=None if changes is None else SetChanges.model_validate(changes),
    )


def delivery_item(delivery: Delivery) -> Item:
    return {
        "delivery_id": delivery.delivery_id,
        "bucket": delivery.bucket,
        "key": delivery.key,
        "source": delivery.source,
        "filename": delivery.filename,
        "received_at": iso(delivery.received_at),
        "status": "done" if delivery.done else "waiting" if delivery.waiting else "processing",
        "outcomes": {bill_id: outcome_item(outcome) for bill_id, outcome in delivery.outcomes.items()},
        "kind": delivery.kind.value,
        "closed": delivery.closed,
        "waiting": None if delivery.waiting is None else waiting_item(delivery.waiting),
        "part_of": delivery.part_of,
        "files": delivery.files,
    }


def delivery_of(item: Mapping[str, Any]) -> Delivery:
    return Delivery(
        delivery_id=item["delivery_id"],
        bucket=item["bucket"],
        key=item["key"],
        source=item["source"],
        filename=item["filename"],
        received_at=datetime.fromisoformat(item["received_at"]),
        done=item["status"] == "done",
        outcomes={bill_id: outcome_of(outcome) for bill_id, outcome in item["outcomes"].items()},
        version=int(item["version"]),
        # Rows from before there were deliveries of several files do not say these.
        kind=DeliveryKind(item.get("kind", DeliveryKind.FILE)),
        closed=item.get("closed", item["status"] == "done"),
        waiting=waiting_of(item["waiting"]) if item.get("waiting") else None,
        part_of=item.get("part_of"),
        files=item.get("files"),
    )


def waiting_item(waiting: Waiting) -> Item:
    return {
        "since": iso(waiting.since),
        "reason": waiting.reason,
        "missing": list(waiting.missing),
        "missing_count": waiting.missing_count,
        "named": waiting.named,
        "billing_period": waiting.billing_period,
    }


def waiting_of(item: Mapping[str, Any]) -> Waiting:
    return Waiting(
        since=datetime.fromisoformat(item["since"]),
        reason=item["reason"],
        missing=tuple(item["missing"]),
        missing_count=int(item["missing_count"]),
        named=int(item["named"]),
        billing_period=item["billing_period"],
    )


def group_item(group: Reconciliation) -> Item:
    return {
        "billing_account": group.key.billing_account,
        "sub_account": group.key.sub_account,
        "billing_period": group.key.billing_period,
        "invoice": group.key.invoice,
        "currency": group.key.currency,
        "raw_total": money_text(group.raw.amount),
        "raw_rows": group.raw.rows,
        "curated_total": money_text(group.curated.amount),
        "curated_rows": group.curated.rows,
        "residue": money_text(group.residue),
        "raw_only": group.raw_only,
    }


def group_of(item: Mapping[str, Any]) -> Reconciliation:
    return Reconciliation(
        key=GroupKey(
            item["billing_account"],
            item["billing_period"],
            item["invoice"],
            item["currency"],
            item["sub_account"],
        ),
        raw=GroupTotal(Decimal(item["raw_total"]), int(item["raw_rows"])),
        curated=GroupTotal(Decimal(item["curated_total"]), int(item["curated_rows"])),
        residue=Decimal(item["residue"]),
        raw_only=item.get("raw_only", False),
    )
