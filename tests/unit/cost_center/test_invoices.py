"""A bill's invoices beside the totals that finance entered."""

from decimal import Decimal

import pytest

from services.cost_center.domain.invoices import Invoice, InvoiceKey, InvoiceMatch, against, entered_total
from services.cost_center.domain.reconciliation import Reconciliation
from services.cost_center.domain.tables import GroupKey, GroupTotal
from shared.errors import BadRequest
from tests.fakes.cost_center import NOW


def group(
    invoice: str, amount: str, *, account: str = "1", sub: str = "a", currency: str = "USD"
) -> Reconciliation:
    total = GroupTotal(Decimal(amount), 2)
    return Reconciliation(GroupKey(account, "2026-10", invoice, currency, sub), total, total, Decimal(0))


def entered(invoice: str, total: str, *, account: str = "1", currency: str = "USD") -> Invoice:
    return Invoice(InvoiceKey("2026-10", account, currency, invoice), Decimal(total), NOW, "ada")


def test_sub_accounts_are_summed_and_each_invoice_is_compared_exactly() -> None:
    found = against(
        [
            group("i1", "0.100000000000000001"),
            group("i1", "10.004", sub="b"),
            group("i2", "5"),
            group("i2", "7", currency="EUR"),
            group("", "99"),
        ],
        [entered("i1", "10.10"), entered("i2", "5.01")],
    )
    assert [(each.key.currency, each.key.invoice) for each in found] == [
        ("EUR", "i2"),
        ("USD", "i1"),
        ("USD", "i2"),
    ]
    euro, first, second = found
    assert (euro.invoice_total, euro.difference, euro.matches) == (None, None, None)
    assert (first.bill_total, first.rows) == (Decimal("10.104000000000000001"), 4)
    assert first.difference == Decimal("0.004000000000000001")
    assert first.matches
    assert second.difference == Decimal("-0.01")
    assert second.matches is False


def test_an_invoice_that_the_bill_does_not_name_is_shown_and_anothers_is_not() -> None:
    [own, missing] = against(
        [group("i1", "1"), group("", "3")],
        [entered("i1", "1"), entered("i9", "3"), entered("i1", "5", account="2")],
    )
    assert own.matches
    assert (missing.key.invoice, missing.bill_total, missing.rows) == ("i9", Decimal(0), 0)
    assert missing.matches is False
    assert against([], [entered("i1", "1")]) == []


@pytest.mark.parametrize(
    ("currency", "bill", "invoice", "matches"),
    [
        ("USD", "1.005", "1.00", True),
        ("USD", "1.005", "1.01", True),
        ("USD", "1.005000000000000001", "1.00", False),
        ("USD", "12345678901234567890.015", "12345678901234567890.01", True),
        ("USD", "12345678901234567890.015000000000000001", "12345678901234567890.01", False),
        ("JPY", "100.5", "100", True),
        ("JPY", "100.51", "100", False),
        ("KWD", "1.0005", "1", True),
        ("KWD", "1.0006", "1", False),
        ("USD", "-3.14", "-3.14", True),
    ],
)
def test_a_bill_matches_to_half_of_the_smallest_unit(
    currency: str, bill: str, invoice: str, matches: bool
) -> None:
    key = InvoiceKey("2026-10", "1", currency, "i")
    assert InvoiceMatch(key, Decimal(bill), 1, Decimal(invoice)).matches is matches


@pytest.mark.parametrize("total", ["1e20", "0.0000000000000000001"])
def test_a_total_that_no_bill_could_have_is_refused(total: str) -> None:
    with pytest.raises(BadRequest, match="digits"):
        entered_total(Decimal(total))


@pytest.mark.parametrize(
    "key",
    [
        InvoiceKey("2026-13", "1", "USD", "i"),
        InvoiceKey("2026-10", "", "USD", "i"),
        InvoiceKey("2026-10", "1", "usd", "i"),
        InvoiceKey("2026-10", "1", "USD", ""),
        InvoiceKey("2026-10", "1", "USD", "i\n"),
        InvoiceKey("2026-10", "1", "USD", "i" * 257),
    ],
)
def test_a_key_says_which_part_is_wrong(key: InvoiceKey) -> None:
    with pytest.raises(BadRequest) as refused:
        key.checked()
    assert refused.value.code == "INVALID_INVOICE"
