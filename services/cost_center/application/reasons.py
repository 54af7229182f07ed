"""What is said of a bill that is published, but not as it might be expected."""

from collections.abc import Mapping

from services.cost_center.application.prepare import PreparedBill
from services.cost_center.domain.reconciliation import by_currency
from shared.money import money_text


def shadowed(bill: PreparedBill, taken: Mapping[str, str]) -> tuple[str, ...]:
    """With which billing accounts the bill may not feed charges, and what of its money that is: another
    source (`taken`: which) brings it."""
    return tuple(
        f"charges of billing account {account} for {bill.billing_period} come from source {other}: "
        f"{_amounts(bill, account)} of this bill are kept raw and are not added to them"
        for account, other in taken.items()
    )


def rounded(bill: PreparedBill) -> tuple[str, ...]:
    """What rounding to 18 decimals took away, which is the only difference a published bill may have."""
    return tuple(
        f"amounts of more than 18 decimals were rounded: the residue is {money_text(total.difference)} "
        f"{total.currency}"
        for total in by_currency(bill.groups)
        if total.difference
    )


def _amounts(bill: PreparedBill, account: str) -> str:
    groups = [group for group in bill.groups if group.key.billing_account == account]
    return " and ".join(f"{money_text(each.raw)} {each.currency}" for each in by_currency(groups))
