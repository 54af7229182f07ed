"""The use cases of invoices with their adapters, made at the first request."""

from functools import lru_cache

from services.cost_center.adapters.invoice_store import InvoiceStore
from services.cost_center.adapters.settings import InvoiceSettings
from services.cost_center.application.invoices import ManageInvoices
from shared.clock import SystemClock
from shared.config import load_settings
from shared.ids import UuidIds
from shared.outbox import Outbox
from shared.table import PageKeys, TenantTable


@lru_cache(maxsize=1)
def invoice_services() -> ManageInvoices:
    settings = load_settings(InvoiceSettings)
    clock = SystemClock()
    page_keys = PageKeys.from_secret(settings.page_token_secret_arn)
    table = TenantTable(settings.invoice_table, page_keys=page_keys)
    return ManageInvoices(InvoiceStore(table, Outbox(settings.outbox_table), clock, UuidIds()), clock)
