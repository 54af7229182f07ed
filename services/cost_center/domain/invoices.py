"""The provider's invoices as finance has them, held against the bills that name them."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple, Protocol

from services.cost_center.domain.reconciliation import Reconciliation
from services.cost_center.events import InvoiceEntered, InvoiceRemoved
from shared.errors import BadRequest
from shared.money import exact_sum, quantize
from shared.tenancy import TenantId

_PERIOD = re.compile(r"[12][0-9]{3}-(0[1-9]|1[0-2])")
_CURRENCY = re.compile(r"[A-Z]{3}")
LONGEST = 256
_PRINTED = re.compile(rf"[^\x00-\x1f\x7f]{{1,{LONGEST}}}")
# ISO 4217, the currencies whose smallest unit is not a hundredth.
_WHOLE = frozenset(
    ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF")
)
_THOUSANDTHS = frozenset(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"))


class InvoiceKey(NamedTuple):
    """What an invoice is known by: its number alone may come twice, from two providers."""

    billing_period: str
    billing_account: str
    currency: str
    invoice: str

    def checked(self) -> "InvoiceKey":
        """Itself. Raises BadRequest (INVALID_INVOICE) that says which part is wrong."""
        for name, text, form, expected in (
            ("invoice", self.invoice, _PRINTED, f"1 to {LONGEST} characters"),
            ("billing_account", self.billing_account, _PRINTED, f"1 to {LONGEST} characters"),
            ("billing_period", self.billing_period, _PERIOD, "a month, YYYY-MM"),
            ("currency", self.currency, _CURRENCY, "three capital letters (ISO 4217)"),
        ):
            if not form.fullmatch(text):
                raise BadRequest(f"{name} {text[:64]!r} is not {expected}", code="INVALID_INVOICE")
        return self


@dataclass(frozen=True)
class Invoice:
    """An invoice's grand total, tax included, as somebody entered it."""

    key: InvoiceKey
    total: Decimal
    entered_at: datetime
    entered_by: str
    version: int | None = None


def entered_total(total: Decimal) -> Decimal:
    """Itself. Raises BadRequest (INVALID_TOTAL) for what decimal(38,18) does not hold as it is written."""
    try:
        fits = quantize(total) == total
    except ValueError:
        fits = False
    if not fits:
        raise BadRequest("total has at most 20 digits before the point and 18 after it", code="INVALID_TOTAL")
    return total


@dataclass(frozen=True)
class InvoiceMatch:
    """One invoice of a bill: what the bill's charges on it sum up to, and what the invoice says.

    `bill_total` is 0 in 0 rows for an invoice that the bill does not name. `invoice_total` is None where
    nobody entered it.
    """

    key: InvoiceKey
    bill_total: Decimal
    rows: int
    invoice_total: Decimal | None

    @property
    def difference(self) -> Decimal | None:
        """Bill minus invoice, exactly."""
        if self.invoice_total is None:
            return None
        return exact_sum((self.bill_total, self.invoice_total.copy_negate()))

    @property
    def matches(self) -> bool | None:
        """Whether the invoice is the bill's total rounded to the currency's smallest unit, whichever way a
        half is rounded: a bill's charges have more decimals than an invoice."""
        if self.difference is None:
            return None
        decimals = 0 if self.key.currency in _WHOLE else 3 if self.key.currency in _THOUSANDTHS else 2
        return self.difference.copy_abs() <= Decimal(5).scaleb(-decimals - 1)


def against(groups: Sequence[Reconciliation], invoices: Iterable[Invoice]) -> list[InvoiceMatch]:
    """A bill's groups per invoice, beside what was entered of it; charges without an invoice are left out.

    Also those that were entered for the bill's accounts and period, and that it does not name. `invoices`
    may be of other accounts and periods too.
    """
    entered = {each.key: each.total for each in invoices}
    named: dict[InvoiceKey, list[Reconciliation]] = {}
    for group in groups:
        if group.key.invoice:
            key = InvoiceKey(
                group.key.billing_period,
                group.key.billing_account,
                group.key.currency,
                group.key.invoice,
            )
            named.setdefault(key, []).append(group)
    billed = {(group.key.billing_period, group.key.billing_account) for group in groups}
    keys = {*named, *(key for key in entered if (key.billing_period, key.billing_account) in billed)}
    return [
        InvoiceMatch(
            key,
            exact_sum(group.raw.amount for group in named.get(key, ())),
            sum(group.raw.rows for group in named.get(key, ())),
            entered.get(key),
        )
        for key in sorted(keys)
    ]


@dataclass(frozen=True)
class InvoicePage:
    """Invoices by period, account, currency and number, and the token of the next page."""

    invoices: Sequence[Invoice]
    cursor: str | None


class Invoices(Protocol):
    """The invoice table and the outbox."""

    def get(self, tenant: TenantId, key: InvoiceKey) -> Invoice | None: ...

    def of_period(self, tenant: TenantId, billing_period: str) -> Sequence[Invoice]: ...

    def page(
        self, tenant: TenantId, billing_period: str | None, *, limit: int, cursor: str | None
    ) -> InvoicePage: ...

    def save(self, tenant: TenantId, invoice: Invoice, event: InvoiceEntered) -> Invoice:
        """As it was stored, with the event that tells of it: both or neither. Conflict if somebody wrote."""
        ...

    def remove(self, tenant: TenantId, invoice: Invoice, event: InvoiceRemoved) -> None: ...
