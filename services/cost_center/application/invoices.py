"""Invoices: enter, list, remove, and hold against a bill. Who did it is in each event."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from services.cost_center.domain.invoices import (
    Invoice,
    InvoiceKey,
    InvoiceMatch,
    InvoicePage,
    Invoices,
    against,
    entered_total,
)
from services.cost_center.domain.reconciliation import Reconciliation
from services.cost_center.events import InvoiceEntered, InvoiceRemoved
from shared.clock import Clock
from shared.errors import NotFound
from shared.tenancy import TenantId


@dataclass(frozen=True)
class ManageInvoices:
    """The use cases and their ports."""

    invoices: Invoices
    clock: Clock

    def enter(self, tenant: TenantId, key: InvoiceKey, total: Decimal, by: str) -> tuple[Invoice, bool]:
        """The invoice, and whether it is new. The same total again changes nothing and tells nobody.

        Raises BadRequest (INVALID_INVOICE, INVALID_TOTAL), Conflict (VERSION_CONFLICT) for a race lost.
        """
        known = self.invoices.get(tenant, key.checked())
        if known is not None and known.total == entered_total(total):
            return known, False
        version = None if known is None else known.version
        wanted = Invoice(key, entered_total(total), self.clock.now(), by, version)
        told = InvoiceEntered(
            **key._asdict(), total=total, before=None if known is None else known.total, by=by
        )
        return self.invoices.save(tenant, wanted, told), known is None

    def page(
        self, tenant: TenantId, billing_period: str | None, *, limit: int, cursor: str | None
    ) -> InvoicePage:
        return self.invoices.page(tenant, billing_period, limit=limit, cursor=cursor)

    def remove(self, tenant: TenantId, key: InvoiceKey, by: str) -> Invoice:
        """The invoice as it was. Raises NotFound."""
        known = self.invoices.get(tenant, key.checked())
        if known is None:
            raise NotFound(
                f"no total of invoice {key.invoice} was entered for account {key.billing_account}, "
                f"{key.billing_period}, {key.currency}",
                code="INVOICE_NOT_FOUND",
            )
        self.invoices.remove(tenant, known, InvoiceRemoved(**key._asdict(), total=known.total, by=by))
        return known

    def against(self, tenant: TenantId, groups: Sequence[Reconciliation]) -> list[InvoiceMatch]:
        """A published bill's invoices beside what is entered now: nothing is stored of a comparison."""
        periods = sorted({group.key.billing_period for group in groups})
        return against(groups, [each for one in periods for each in self.invoices.of_period(tenant, one)])
