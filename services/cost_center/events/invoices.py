"""Invoices whose totals finance entered."""

from typing import ClassVar

from shared.events import Event
from shared.fields import Money


class InvoiceEvent(Event):
    """What the acts on an invoice's total tell: which invoice, and who did it."""

    source: ClassVar[str] = "onyx.cost-center"
    subject_field: ClassVar[str | None] = "invoice"

    invoice: str
    billing_account: str
    billing_period: str
    currency: str
    total: Money
    by: str


class InvoiceEntered(InvoiceEvent):
    """Finance entered an invoice's grand total, or another one than before."""

    type: ClassVar[str] = "InvoiceEntered"

    before: Money | None


class InvoiceRemoved(InvoiceEvent):
    """An invoice's total was entered wrongly and is forgotten; `total` is what it was."""

    type: ClassVar[str] = "InvoiceRemoved"
