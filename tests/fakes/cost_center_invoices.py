"""Invoices in memory."""

from dataclasses import replace

from services.cost_center.domain.invoices import Invoice, InvoiceKey, InvoicePage
from services.cost_center.events import InvoiceEntered, InvoiceRemoved
from shared.errors import VersionConflict
from shared.tenancy import TenantId


class FakeInvoices:
    """Rows with versions, and the events that were written with them."""

    def __init__(self) -> None:
        self.rows: dict[tuple[TenantId, InvoiceKey], Invoice] = {}
        self.events: list[InvoiceEntered | InvoiceRemoved] = []

    def get(self, tenant: TenantId, key: InvoiceKey) -> Invoice | None:
        return self.rows.get((tenant, key))

    def of_period(self, tenant: TenantId, billing_period: str) -> list[Invoice]:
        return [each for each in self._of(tenant) if each.key.billing_period == billing_period]

    def page(
        self, tenant: TenantId, billing_period: str | None, *, limit: int, cursor: str | None
    ) -> InvoicePage:
        found = [each for each in self._of(tenant) if billing_period in (None, each.key.billing_period)]
        return InvoicePage(found[:limit], None)

    def save(self, tenant: TenantId, invoice: Invoice, event: InvoiceEntered) -> Invoice:
        self._expect(tenant, invoice)
        self.events.append(event)
        self.rows[tenant, invoice.key] = replace(invoice, version=(invoice.version or 0) + 1)
        return self.rows[tenant, invoice.key]

    def remove(self, tenant: TenantId, invoice: Invoice, event: InvoiceRemoved) -> None:
        self._expect(tenant, invoice)
        self.events.append(event)
        del self.rows[tenant, invoice.key]

    def _of(self, tenant: TenantId) -> list[Invoice]:
        return [invoice for (owner, _), invoice in sorted(self.rows.items()) if owner == tenant]

    def _expect(self, tenant: TenantId, invoice: Invoice) -> None:
        held = self.rows.get((tenant, invoice.key))
        if (None if held is None else held.version) != invoice.version:
            raise VersionConflict("the invoice was changed")
