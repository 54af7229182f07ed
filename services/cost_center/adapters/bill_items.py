"""Bills, deliveries and reconciliations as DynamoDB rows and back. Money is canonical text."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from services.cost_center.domain.bill import Bill, Delivery, Outcome, PublishedSet, Status
from services.cost_center.domain.reconciliation import Reconciliation
from services.cost_center.domain.tables import GroupKey, GroupTotal
from services.cost_center.events import CurrencyTotal, PublishedTable
from shared.clock import iso
from shared.money import money_text

Item = dict[str, Any]
DELIVERY_PREFIX = "DELIVERY#"
SET_PREFIX = "SET#"


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
    )


def published_item(published: PublishedSet) -> Item:
    return {
        "delivery_id": published.delivery_id,
        "attempt": published.attempt,
        "content": published.content,
        "recipe": published.recipe,
        "delivered_at": iso(published.delivered_at),
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
    )


def delivery_item(delivery: Delivery) -> Item:
    return {
        "delivery_id": delivery.delivery_id,
        "bucket": delivery.bucket,
        "key": delivery.key,
        "source": delivery.source,
        "filename": delivery.filename,
        "received_at": iso(delivery.received_at),
        "status": "done" if delivery.done else "processing",
        "outcomes": {bill_id: outcome_item(outcome) for bill_id, outcome in delivery.outcomes.items()},
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
    )


def group_item(group: Reconciliation) -> Item:
    return {
        "billing_account": group.key.billing_account,
        "billing_period": group.key.billing_period,
        "invoice": group.key.invoice,
        "currency": group.key.currency,
        "raw_total": money_text(group.raw.amount),
        "raw_rows": group.raw.rows,
        "curated_total": money_text(group.curated.amount),
        "curated_rows": group.curated.rows,
        "residue": money_text(group.residue),
    }


def group_of(item: Mapping[str, Any]) -> Reconciliation:
    return Reconciliation(
        key=GroupKey(item["billing_account"], item["billing_period"], item["invoice"], item["currency"]),
        raw=GroupTotal(Decimal(item["raw_total"]), int(item["raw_rows"])),
        curated=GroupTotal(Decimal(item["curated_total"]), int(item["curated_rows"])),
        residue=Decimal(item["residue"]),
    )
