"""Checks of rules that the model calls dynamic, as far as a dataset alone can show that they are broken."""

import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal

from tests.contract.focus_checks.model import DynamicCheck
from tests.contract.focus_checks.values import (
    FORMATS,
    Dataset,
    Row,
    is_key_value,
    is_moment,
    is_number,
    is_product,
    number,
)

_NAME = re.compile(r"[A-Z][A-Za-z0-9]*")
_MOMENTS = ("BillingPeriodStart", "BillingPeriodEnd", "ChargePeriodStart", "ChargePeriodEnd")
_COSTS = ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost")
_UNIT_PRICES = ("ListUnitPrice", "ContractedUnitPrice")
_NUMBERS = (
    *(*_COSTS, *_UNIT_PRICES, "PricingQuantity", "ConsumedQuantity", "CommitmentDiscountQuantity"),
    *(f"PricingCurrency{name}" for name in (*_UNIT_PRICES, "EffectiveCost")),
)
_JSON = ("Tags", "SkuPriceDetails")


def _rows(wrong: Callable[[Row], bool]) -> DynamicCheck:
    def check(dataset: Dataset) -> Iterator[str]:
        for at, row in enumerate(dataset.rows, start=1):
            if wrong(row):
                yield f"row {at}"

    return check


def _cells(names: tuple[str, ...], right: Callable[[str], bool]) -> DynamicCheck:
    def check(dataset: Dataset) -> Iterator[str]:
        for at, row in enumerate(dataset.rows, start=1):
            for name in names:
                cell = row.get(name)
                if cell is not None and not right(cell):
                    yield f"row {at}, {name}: {cell!r}"

    return check


def _headers(right: Callable[[str], bool]) -> DynamicCheck:
    def check(dataset: Dataset) -> Iterator[str]:
        yield from (name for name in dataset.columns if not right(name))

    return check


def _unused_is_said(row: Row) -> bool:
    """What of a purchase the period used is no effective cost of the purchase itself."""
    return row["ChargeCategory"] == "Purchase" and number(row["EffectiveCost"]) != 0


def _is(row: Row, **cells: str | None) -> bool:
    return all(row[name] == cell for name, cell in cells.items())


def _has_commitment(row: Row) -> bool:
    return row["CommitmentDiscountId"] is not None


def _credit_differs(column: str) -> DynamicCheck:
    return _rows(
        lambda row: row["ChargeCategory"] == "Credit" and number(row[column]) != number(row["BilledCost"])
    )


def _begins_late(first: str, last: str) -> DynamicCheck:
    return _rows(lambda row: (row[first] or "") >= (row[last] or "~") and _spans(row, first, last))


def _spans(row: Row, first: str, last: str) -> bool:
    return row[first] is not None and row[last] is not None and first.startswith("Billing")


def _product_differs(row: Row) -> bool:
    left, right = number(row["ContractedUnitPrice"]), number(row["PricingQuantity"])
    cost = number(row["ContractedCost"])
    if left is None or right is None or cost is None or row["ChargeClass"] == "Correction":
        return False
    return not is_product(left, right, cost)


def _one_of_each(key: str, value: str) -> DynamicCheck:
    def check(dataset: Dataset) -> Iterator[str]:
        seen: dict[str, str] = {}
        for at, row in enumerate(dataset.rows, start=1):
            name, found = row[key], row[value]
            if name is not None and found is not None and seen.setdefault(name, found) != found:
                yield f"row {at}: {key} {name} has {value} {seen[name]} and {found}"

    return check


_FOCUS_NAMES = _headers(lambda name: name.startswith("x_") or _NAME.fullmatch(name) is not None)
_PRICED = ("Usage", "Purchase")

CHECKS: Mapping[str, DynamicCheck] = {
    **{f"DateTimeFormat-A-{rule:03}-M": _cells(_MOMENTS, is_moment) for rule in (1, 2, 4, 5, 6)},
    **{f"NumericFormat-A-{rule:03}-M": _cells(_NUMBERS, is_number) for rule in range(2, 12)},
    **{f"KeyValueFormat-A-{rule:03}-M": _cells(_JSON, is_key_value) for rule in range(1, 5)},
    "CurrencyFormat-A-001-C": _cells(("BillingCurrency", "PricingCurrency"), FORMATS["FormatCurrency"]),
    "ColumnHandling-A-001-M": _FOCUS_NAMES,
    "ColumnHandling-A-003-M": _headers(lambda name: name.removeprefix("x_").isalnum()),
    "ColumnHandling-A-010-M": _FOCUS_NAMES,
    "StringHandling-A-001-M": _cells(
        ("ChargeDescription", "ServiceName", "ResourceId"), FORMATS["FormatString"]
    ),
    "BillingPeriodStart-C-004-M": _begins_late("BillingPeriodStart", "BillingPeriodEnd"),
    "BillingPeriodEnd-C-004-M": _begins_late("BillingPeriodStart", "BillingPeriodEnd"),
    "ConsumedQuantity-C-008-C": _cells(("ConsumedQuantity",), is_number),
    "CommitmentDiscountQuantity-C-009-M": _cells(("CommitmentDiscountQuantity",), is_number),
    "ContractedCost-C-009-C": _rows(_product_differs),
    "PricingQuantity-C-009-C": _rows(_product_differs),
    "PricingCurrencyContractedUnitPrice-C-004-C": _rows(
        lambda row: _is(row, ChargeCategory="Tax") and row["PricingCurrencyContractedUnitPrice"] is not None
    ),
    "PricingCurrencyContractedUnitPrice-C-005-C": _rows(
        lambda row: (
            row["ChargeCategory"] in _PRICED
            and row["ChargeClass"] != "Correction"
            and row["PricingCurrency"] == row["BillingCurrency"]
            and row["PricingCurrencyContractedUnitPrice"] is None
        )
    ),
    "PricingCurrencyContractedUnitPrice-C-008-C": _rows(
        lambda row: (number(row["PricingCurrencyContractedUnitPrice"]) or Decimal(0)) < 0
    ),
    "EffectiveCost-C-010-C": _credit_differs("EffectiveCost"),
    "ResourceName-C-004-C": _rows(lambda row: row["ResourceId"] is None and row["ResourceName"] is not None),
    "PricingCategory-C-009-C": _rows(
        lambda row: _is(row, CommitmentDiscountStatus="Used", PricingCategory="Standard")
    ),
    "CommitmentDiscountUnit-C-008-M": _one_of_each("CommitmentDiscountId", "CommitmentDiscountUnit"),
    "BillingAccountType-C-006-M": _one_of_each("BillingAccountId", "BillingAccountType"),
    "DiscountHandling-A-006-C": _rows(
        lambda row: not _has_commitment(row) and row["CommitmentDiscountStatus"] is not None
    ),
    "DiscountHandling-A-014-C": _rows(
        lambda row: (
            _has_commitment(row)
            and row["ChargeCategory"] == "Usage"
            and row["CommitmentDiscountStatus"] is None
        )
    ),
    "DiscountHandling-A-017-C": _rows(lambda row: _has_commitment(row) and _unused_is_said(row)),
    "DiscountHandling-A-018-C": _rows(
        lambda row: _is(row, CommitmentDiscountStatus="Unused") and row["ChargeCategory"] != "Usage"
    ),
    "DiscountHandling-A-019-C": _rows(
        lambda row: _is(row, CommitmentDiscountStatus="Unused") and not _has_commitment(row)
    ),
}
