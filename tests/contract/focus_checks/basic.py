"""The requirements of FOCUS 1.2 that matter most, for a clone without the requirement model."""

from collections.abc import Iterator

from tests.contract.focus_checks.values import (
    Dataset,
    Row,
    is_currency,
    is_key_value,
    is_moment,
    is_number,
    is_product,
    number,
)

COLUMNS = """
AvailabilityZone BilledCost BillingAccountId BillingAccountName BillingAccountType BillingCurrency
BillingPeriodEnd BillingPeriodStart CapacityReservationId CapacityReservationStatus ChargeCategory ChargeClass
ChargeDescription ChargeFrequency ChargePeriodEnd ChargePeriodStart CommitmentDiscountCategory
CommitmentDiscountId CommitmentDiscountName CommitmentDiscountQuantity CommitmentDiscountStatus
CommitmentDiscountType CommitmentDiscountUnit ConsumedQuantity ConsumedUnit ContractedCost
ContractedUnitPrice EffectiveCost InvoiceId InvoiceIssuerName ListCost ListUnitPrice PricingCategory
PricingCurrency PricingCurrencyContractedUnitPrice PricingCurrencyEffectiveCost PricingCurrencyListUnitPrice
PricingQuantity PricingUnit ProviderName PublisherName RegionId RegionName ResourceId ResourceName
ResourceType ServiceCategory ServiceName ServiceSubcategory SkuId SkuMeter SkuPriceDetails SkuPriceId
SubAccountId SubAccountName SubAccountType Tags
""".split()
NOT_NULL = """
BilledCost BillingAccountId BillingAccountName BillingCurrency BillingPeriodEnd BillingPeriodStart
ChargeCategory ChargeFrequency ChargePeriodEnd ChargePeriodStart ContractedCost EffectiveCost
InvoiceIssuerName ListCost PricingCurrency ProviderName PublisherName ServiceCategory ServiceName
ServiceSubcategory
""".split()
ALLOWED = {
    "ChargeCategory": {"Usage", "Purchase", "Tax", "Credit", "Adjustment"},
    "ChargeClass": {"Correction"},
    "ChargeFrequency": {"One-Time", "Recurring", "Usage-Based"},
    "CommitmentDiscountCategory": {"Spend", "Usage"},
    "CommitmentDiscountStatus": {"Used", "Unused"},
    "CapacityReservationStatus": {"Used", "Unused"},
    "PricingCategory": {"Standard", "Committed", "Dynamic", "Other"},
}
PAIRS = {
    "SubAccountId": ("SubAccountName", "SubAccountType"),
    "RegionId": ("RegionName",),
    "CommitmentDiscountId": ("CommitmentDiscountCategory", "CommitmentDiscountType"),
    "CommitmentDiscountQuantity": ("CommitmentDiscountUnit",),
    "ConsumedQuantity": ("ConsumedUnit",),
    "PricingQuantity": ("PricingUnit",),
    "ResourceId": ("ResourceType",),
}
"""Columns that are null exactly where the one before them is."""
PRICED = ("ContractedUnitPrice", "ListUnitPrice", "PricingCategory", "PricingQuantity", "SkuId", "SkuPriceId")
"""Never null for usage and purchases that are no correction; always null for tax."""
_NUMBERS = {name for name in COLUMNS if name.endswith(("Cost", "Quantity", "UnitPrice"))}
_MOMENTS = {name for name in COLUMNS if name.endswith(("PeriodStart", "PeriodEnd"))}


def failures(dataset: Dataset) -> Iterator[str]:
    """What is wrong with a dataset, a line each."""
    if list(dataset.columns[: len(COLUMNS)]) != COLUMNS:
        yield "the columns of 1.2 come first, in the specification's order"
        return
    yield from (name for name in dataset.columns[len(COLUMNS) :] if not name.startswith("x_"))
    for at, row in enumerate(dataset.rows, start=1):
        yield from (f"row {at}: {what}" for what in _row(row))


def _row(row: Row) -> Iterator[str]:
    yield from (f"{name} is null" for name in NOT_NULL if row[name] is None)
    yield from (f"{n} is {row[n]}" for n, allowed in ALLOWED.items() if row[n] not in (None, *allowed))
    for key, others in PAIRS.items():
        yield from (f"{name} beside {key}" for name in others if (row[name] is None) != (row[key] is None))
    for name, cell in row.items():
        if cell is not None and not _is_well_formed(name, cell):
            yield f"{name} is written {cell!r}"
    yield from _priced(row)
    if row["ChargeCategory"] == "Purchase" and number(row["EffectiveCost"]):
        yield "a purchase has an effective cost"
    if number(row["BilledCost"]) and row["ProviderName"] != row["InvoiceIssuerName"]:
        yield "somebody else's charge is billed"
    if (row["ChargeCategory"] == "Usage" and row["CommitmentDiscountId"]) and not row[
        "CommitmentDiscountStatus"
    ]:
        yield "usage of a commitment has no status"


def _priced(row: Row) -> Iterator[str]:
    if row["ChargeCategory"] == "Tax":
        yield from (f"tax has {name}" for name in PRICED if row[name] is not None)
    if row["ChargeClass"] == "Correction":
        return
    if row["ChargeCategory"] in ("Usage", "Purchase"):
        yield from (f"{name} is null" for name in PRICED if row[name] is None)
    for name in ("List", "Contracted"):
        amounts = (
            number(row[f"{name}UnitPrice"]),
            number(row["PricingQuantity"]),
            number(row[f"{name}Cost"]),
        )
        price, quantity, cost = amounts
        if price is not None and quantity is not None and cost is not None:
            if price < 0:
                yield f"{name}UnitPrice is negative"
            if not is_product(price, quantity, cost):
                yield f"{name}UnitPrice times PricingQuantity is not {name}Cost"


def _is_well_formed(name: str, cell: str) -> bool:
    if name in _NUMBERS:
        plain = "E" not in cell and not (("." in cell) and cell.endswith("0"))
        return is_number(cell) and plain
    if name in _MOMENTS:
        return is_moment(cell)
    if name in ("BillingCurrency", "PricingCurrency"):
        return is_currency(cell)
    if name in ("Tags", "SkuPriceDetails"):
        return is_key_value(cell)
    return bool(cell.strip())
