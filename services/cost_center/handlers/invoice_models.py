"""What the routes of invoices take and answer. Money is canonical decimal text."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from services.cost_center.domain.invoices import LONGEST, Invoice, InvoiceMatch
from shared.fields import Money


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True)


class InvoiceGiven(_Model):
    model_config = ConfigDict(extra="forbid")

    billing_account: str = Field(
        max_length=LONGEST,
        description="As the bill names it: the payer's.",
        examples=["123456789012"],
    )
    billing_period: str = Field(max_length=7, examples=["2026-10"])
    currency: str = Field(max_length=3, description="ISO 4217.", examples=["USD"])
    total: Money = Field(
        description="The invoice's grand total, with everything on it: tax, support, credits, refunds.",
        examples=["1234.56"],
    )


class InvoiceView(_Model):
    invoice: str
    billing_account: str
    billing_period: str
    currency: str
    total: Money
    entered_at: datetime
    entered_by: str


class InvoiceList(_Model):
    rows: list[InvoiceView]
    cursor: str | None


class InvoiceMatchView(_Model):
    """One invoice of a bill: what its charges sum up to, and what finance entered of it."""

    invoice: str
    billing_account: str
    billing_period: str
    currency: str
    bill_total: Money = Field(description="The bill's charges on this invoice; 0 where it names none.")
    rows: int
    invoice_total: Money | None = Field(description="The total entered, or null: nobody entered it.")
    difference: Money | None = Field(description="Bill minus invoice, exactly.")
    matches: bool | None = Field(
        description="Whether the invoice's total is the bill's, rounded to the currency's smallest unit."
    )


def invoice_view(invoice: Invoice) -> InvoiceView:
    return InvoiceView(
        **invoice.key._asdict(),
        total=invoice.total,
        entered_at=invoice.entered_at,
        entered_by=invoice.entered_by,
    )


def match_view(match: InvoiceMatch) -> InvoiceMatchView:
    return InvoiceMatchView(
        **match.key._asdict(),
        bill_total=match.bill_total,
        rows=match.rows,
        invoice_total=match.invoice_total,
        difference=match.difference,
        matches=match.matches,
    )
