"""Invoices in DynamoDB. Rows: `INVOICE#<period>#<billing account>#<currency>#<invoice>`, the parts quoted."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from services.cost_center.domain.invoices import Invoice, InvoiceKey, InvoicePage
from services.cost_center.events import InvoiceEntered, InvoiceRemoved
from shared.clock import Clock, iso
from shared.events import envelope
from shared.ids import Ids
from shared.money import money_text
from shared.observability import logger
from shared.outbox import Outbox
from shared.table import TenantTable, transact
from shared.tenancy import TenantId

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

_PREFIX = "INVOICE#"


class InvoiceStore:
    """One environment's invoices."""

    def __init__(self, table: TenantTable, outbox: Outbox, clock: Clock, ids: Ids) -> None:
        self._table = table
        self._outbox = outbox
        self._clock = clock
        self._ids = ids

    def get(self, tenant: TenantId, key: InvoiceKey) -> Invoice | None:
        item = self._table.get(tenant, _row_key(key))
        return None if item is None else invoice_of(item)

    def of_period(self, tenant: TenantId, billing_period: str) -> list[Invoice]:
        rows = self._table.query_all(tenant, prefix=_prefix(billing_period))
        return [invoice_of(row) for row in rows]

    def page(
        self, tenant: TenantId, billing_period: str | None, *, limit: int, cursor: str | None
    ) -> InvoicePage:
        page = self._table.query(tenant, prefix=_prefix(billing_period), limit=limit, cursor=cursor)
        return InvoicePage([invoice_of(item) for item in page.items], page.cursor)

    def save(self, tenant: TenantId, invoice: Invoice, event: InvoiceEntered) -> Invoice:
        write = self._table.tx_put(
            tenant, _row_key(invoice.key), invoice_item(invoice), expected_version=invoice.version
        )
        self._commit(tenant, write, event)
        return replace(invoice, version=(invoice.version or 0) + 1)

    def remove(self, tenant: TenantId, invoice: Invoice, event: InvoiceRemoved) -> None:
        write = self._table.tx_delete(tenant, _row_key(invoice.key), expected_version=invoice.version)
        self._commit(tenant, write, event)

    def _commit(
        self, tenant: TenantId, write: "TransactWriteItemTypeDef", event: InvoiceEntered | InvoiceRemoved
    ) -> None:
        told = envelope(event, tenant=tenant, id=self._ids.new(), time=self._clock.now())
        transact(self._table.client, [write, self._outbox.item(told)])
        # The event is the record; the line is for whoever reads logs.
        logger.info("audit", extra={"act": event.detail_type(), "event_id": told.id, "facts": told.data})


def _prefix(billing_period: str | None) -> str:
    return _PREFIX if billing_period is None else f"{_PREFIX}{billing_period}#"


def _row_key(key: InvoiceKey) -> str:
    parts = (quote(each, safe="") for each in (key.billing_account, key.currency, key.invoice))
    return _prefix(key.billing_period) + "#".join(parts)


def invoice_item(invoice: Invoice) -> dict[str, Any]:
    return {
        **invoice.key._asdict(),
        "total": money_text(invoice.total),
        "entered_at": iso(invoice.entered_at),
        "entered_by": invoice.entered_by,
    }


def invoice_of(item: Mapping[str, Any]) -> Invoice:
    return Invoice(
        InvoiceKey(item["billing_period"], item["billing_account"], item["currency"], item["invoice"]),
        Decimal(item["total"]),
        datetime.fromisoformat(item["entered_at"]),
        item["entered_by"],
        int(item["version"]),
    )
