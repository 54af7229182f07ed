"""Export jobs in DynamoDB: one row per job, `EXPORT#<export id>`, and the outbox."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from services.cost_center.domain.export_ports import ExportPage
from services.cost_center.domain.exports import (
    BoundSet,
    Export,
    ExportFormat,
    ExportRequest,
    ExportStatus,
    ExportTotal,
)
from services.cost_center.events import ExportRequested
from shared.clock import iso
from shared.events import envelope
from shared.ids import deterministic_id
from shared.money import money_text
from shared.outbox import Outbox
from shared.table import TenantTable, transact
from shared.tenancy import TenantId

Item = dict[str, Any]
PREFIX = "EXPORT#"
_ROWS_KEPT = timedelta(days=90)


class ExportStore:
    """One environment's export jobs."""

    def __init__(self, exports: TenantTable, outbox: Outbox) -> None:
        self._exports = exports
        self._outbox = outbox

    def get(self, tenant: TenantId, export_id: str) -> Export | None:
        item = self._exports.get(tenant, PREFIX + export_id)
        return None if item is None else export_of(item)

    def page(self, tenant: TenantId, *, limit: int, cursor: str | None) -> ExportPage:
        page = self._exports.query(tenant, prefix=PREFIX, limit=limit, cursor=cursor)
        return ExportPage([export_of(item) for item in page.items], page.cursor)

    def request(self, tenant: TenantId, export: Export, event: ExportRequested) -> None:
        # The same beginning of the same job is the same event, however often it is written.
        event_id = deterministic_id(event.detail_type(), export.export_id, str(export.attempt))
        word = envelope(
            event, tenant=tenant, id=event_id, time=export.updated_at, correlationid=export.export_id
        )
        transact(self._exports.client, [self._put(tenant, export), self._outbox.item(word)])

    def save(self, tenant: TenantId, export: Export) -> Export:
        version = self._exports.put(
            tenant, PREFIX + export.export_id, export_item(export), expected_version=export.version
        )
        return export_of({**export_item(export), "version": version})

    def _put(self, tenant: TenantId, export: Export) -> Any:
        return self._exports.tx_put(
            tenant, PREFIX + export.export_id, export_item(export), expected_version=export.version
        )


def export_item(export: Export) -> Item:
    request = export.request
    return {
        "export_id": export.export_id,
        "first": request.first,
        "last": request.last,
        "format": request.format.value,
        "focus_version": request.version,
        "status": export.status.value,
        "attempt": export.attempt,
        "requested_at": iso(export.requested_at),
        "updated_at": iso(export.updated_at),
        "sets": [
            {
                "bill_id": each.bill_id,
                "billing_period": each.billing_period,
                "published_at": iso(each.published_at),
                "files": list(each.files),
                "rows": each.rows,
            }
            for each in export.sets
        ],
        "expected": {currency: money_text(total) for currency, total in export.expected},
        "rows": export.rows,
        "bytes": export.bytes,
        "totals": [
            {
                "currency": each.currency,
                "billed_cost": money_text(each.billed_cost),
                "effective_cost": money_text(each.effective_cost),
                "list_cost": money_text(each.list_cost),
                "contracted_cost": money_text(each.contracted_cost),
            }
            for each in export.totals
        ],
        "expires_at": None if export.expires_at is None else iso(export.expires_at),
        "reason": export.reason,
        "ttl": int((export.updated_at + _ROWS_KEPT).timestamp()),
    }


def export_of(item: Mapping[str, Any]) -> Export:
    expires = item["expires_at"]
    return Export(
        export_id=item["export_id"],
        request=ExportRequest(
            item["first"], item["last"], ExportFormat(item["format"]), item["focus_version"]
        ),
        status=ExportStatus(item["status"]),
        attempt=int(item["attempt"]),
        requested_at=datetime.fromisoformat(item["requested_at"]),
        updated_at=datetime.fromisoformat(item["updated_at"]),
        sets=tuple(
            BoundSet(
                bill_id=each["bill_id"],
                billing_period=each["billing_period"],
                published_at=datetime.fromisoformat(each["published_at"]),
                files=tuple(each["files"]),
                rows=int(each["rows"]),
            )
            for each in item["sets"]
        ),
        expected=tuple(sorted((name, Decimal(total)) for name, total in item["expected"].items())),
        rows=int(item["rows"]),
        bytes=int(item["bytes"]),
        totals=tuple(_total(each) for each in item["totals"]),
        expires_at=None if expires is None else datetime.fromisoformat(expires),
        reason=item["reason"],
        version=int(item["version"]),
    )


def _total(item: Mapping[str, Any]) -> ExportTotal:
    return ExportTotal(
        currency=item["currency"],
        billed_cost=Decimal(item["billed_cost"]),
        effective_cost=Decimal(item["effective_cost"]),
        list_cost=Decimal(item["list_cost"]),
        contracted_cost=Decimal(item["contracted_cost"]),
    )
