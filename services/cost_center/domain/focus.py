"""FOCUS, the FinOps Open Cost and Usage Specification: its columns up to 1.3, and the raw table `focus`."""

from services.cost_center.domain.tables import ColumnType, MoneyColumns

TABLE = "focus"

MONEY = MoneyColumns(
    cost=("BilledCost",),
    account="BillingAccountId",
    period_start="BillingPeriodStart",
    invoice="InvoiceId",
    currency="BillingCurrency",
)

NULL_TEXTS = frozenset({"NULL"})
"""Exports write an absent value as this text as well as by an empty cell (the public FOCUS sample does)."""

_S, _D, _T = ColumnType.STRING, ColumnType.DECIMAL, ColumnType.TIMESTAMP

COLUMNS: dict[str, tuple[str, ColumnType]] = {
    "AvailabilityZone": ("1.0", _S),
    "BilledCost": ("1.0", _D),
    "BillingAccountId": ("1.0", _S),
    "BillingAccountName": ("1.0", _S),
    "BillingAccountType": ("1.2", _S),
    "BillingCurrency": ("1.0", _S),
    "BillingPeriodEnd": ("1.0", _T),
    "BillingPeriodStart": ("1.0", _T),
    "CapacityReservationId": ("1.1", _S),
    "CapacityReservationStatus": ("1.1", _S),
    "ChargeCategory": ("1.0", _S),
    "ChargeClass": ("1.0", _S),
    "ChargeDescription": ("1.0", _S),
    "ChargeFrequency": ("1.0", _S),
    "ChargePeriodEnd": ("1.0", _T),
    "ChargePeriodStart": ("1.0", _T),
    "CommitmentDiscountCategory": ("1.0", _S),
    "CommitmentDiscountId": ("1.0", _S),
    "CommitmentDiscountName": ("1.0", _S),
    "CommitmentDiscountQuantity": ("1.1", _D),
    "CommitmentDiscountStatus": ("1.0", _S),
    "CommitmentDiscountType": ("1.0", _S),
    "CommitmentDiscountUnit": ("1.1", _S),
    "ConsumedQuantity": ("1.0", _D),
    "ConsumedUnit": ("1.0", _S),
    "ContractedCost": ("1.0", _D),
    "ContractedUnitPrice": ("1.0", _D),
    "EffectiveCost": ("1.0", _D),
    "InvoiceId": ("1.2", _S),
    "InvoiceIssuerName": ("1.0", _S),
    "ListCost": ("1.0", _D),
    "ListUnitPrice": ("1.0", _D),
    "PricingCategory": ("1.0", _S),
    "PricingCurrency": ("1.2", _S),
    "PricingCurrencyContractedUnitPrice": ("1.2", _D),
    "PricingCurrencyEffectiveCost": ("1.2", _D),
    "PricingCurrencyListUnitPrice": ("1.2", _D),
    "PricingQuantity": ("1.0", _D),
    "PricingUnit": ("1.0", _S),
    "ProviderName": ("1.0", _S),
    "PublisherName": ("1.0", _S),
    "RegionId": ("1.0", _S),
    "RegionName": ("1.0", _S),
    "ResourceId": ("1.0", _S),
    "ResourceName": ("1.0", _S),
    "ResourceType": ("1.0", _S),
    "ServiceCategory": ("1.0", _S),
    "ServiceName": ("1.0", _S),
    "ServiceSubcategory": ("1.1", _S),
    "SkuId": ("1.0", _S),
    "SkuMeter": ("1.1", _S),
    "SkuPriceDetails": ("1.1", _S),
    "SkuPriceId": ("1.0", _S),
    "SubAccountId": ("1.0", _S),
    "SubAccountName": ("1.0", _S),
    "SubAccountType": ("1.2", _S),
    "Tags": ("1.0", ColumnType.MAP),
    "AllocatedMethodDetails": ("1.3", _S),
    "AllocatedMethodId": ("1.3", _S),
    "AllocatedResourceId": ("1.3", _S),
    "AllocatedResourceName": ("1.3", _S),
    "AllocatedTags": ("1.3", _S),
    "ContractApplied": ("1.3", _S),
    "HostProviderName": ("1.3", _S),
    "ServiceProviderName": ("1.3", _S),
}
"""Every column with the version that brought it and its type in `charges`. JSON but for Tags stays text."""

REQUIRED: tuple[tuple[str, bool], ...] = (
    ("BilledCost", True),
    ("BillingAccountId", True),
    ("BillingCurrency", True),
    ("BillingPeriodEnd", True),
    ("BillingPeriodStart", True),
    ("ChargeCategory", False),
    ("ChargePeriodEnd", True),
    ("ChargePeriodStart", True),
    ("ContractedCost", False),
    ("EffectiveCost", False),
    ("InvoiceIssuerName", False),
    ("ListCost", False),
    ("ProviderName", False),
    ("PublisherName", False),
    ("ServiceCategory", False),
    ("ServiceName", False),
)
"""The Mandatory columns of FOCUS 1.0 that may not be null: they must exist. Each row must have a value only
where Onyx cannot do without: exports leave nulls in the others (the public sample in ContractedCost)."""


def column_type(name: str) -> ColumnType:
    """The type of a column of the raw table `focus`. Tags stays the JSON text that the provider wrote."""
    known = COLUMNS.get(name)
    if known is None or known[1] is ColumnType.MAP:
        return ColumnType.STRING
    return known[1]


def version(names: frozenset[str]) -> str:
    """The version of an export by its columns: 1.0, 1.1 or 1.2. What 1.3 added is read as an extension of
    1.2."""
    brought = {COLUMNS[name][0] for name in names if name in COLUMNS}
    if brought & {"1.2", "1.3"}:
        return "1.2"
    return "1.1" if "1.1" in brought else "1.0"
