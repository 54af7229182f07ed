"""The columns of `charges` that every tenant has, before its first bill: FOCUS 1.2, 1.3's, ours.

Names and types: FOCUS specification 1.2 and 1.3, column tables; x_ columns: the cost center's curated tier.
"""

from services.query_engine.domain.tables import Column

_MONEY = "decimal(38,18)"
_DECIMALS = [
    "BilledCost",
    "CommitmentDiscountQuantity",
    "ConsumedQuantity",
    "ContractedCost",
    "ContractedUnitPrice",
    "EffectiveCost",
    "ListCost",
    "ListUnitPrice",
    "PricingCurrencyContractedUnitPrice",
    "PricingCurrencyEffectiveCost",
    "PricingCurrencyListUnitPrice",
    "PricingQuantity",
]
_TIMES = ["BillingPeriodEnd", "BillingPeriodStart", "ChargePeriodEnd", "ChargePeriodStart"]
_TEXTS = [
    "AvailabilityZone",
    "BillingAccountId",
    "BillingAccountName",
    "BillingAccountType",
    "BillingCurrency",
    "CapacityReservationId",
    "CapacityReservationStatus",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargeFrequency",
    "CommitmentDiscountCategory",
    "CommitmentDiscountId",
    "CommitmentDiscountName",
    "CommitmentDiscountStatus",
    "CommitmentDiscountType",
    "CommitmentDiscountUnit",
    "ConsumedUnit",
    "InvoiceId",
    "InvoiceIssuerName",
    "PricingCategory",
    "PricingCurrency",
    "PricingUnit",
    "ProviderName",
    "PublisherName",
    "RegionId",
    "RegionName",
    "ResourceId",
    "ResourceName",
    "ResourceType",
    "ServiceCategory",
    "ServiceName",
    "ServiceSubcategory",
    "SkuId",
    "SkuMeter",
    "SkuPriceDetails",
    "SkuPriceId",
    "SubAccountId",
    "SubAccountName",
    "SubAccountType",
    "AllocatedMethodDetails",
    "AllocatedMethodId",
    "AllocatedResourceId",
    "AllocatedResourceName",
    "AllocatedTags",
    "ContractApplied",
    "HostProviderName",
    "ServiceProviderName",
    "x_Source",
    "x_BillingPeriod",
    "x_BillId",
    "x_ServiceCode",
    "x_UsageType",
    "x_Operation",
    "x_LineItemType",
    "x_LineItemId",
    "x_TaxType",
    "x_ProductFamily",
    "x_InstanceType",
    "x_ChargePart",
]

CHARGES: tuple[Column, ...] = tuple(
    sorted(
        [
            *(Column(name, _MONEY) for name in _DECIMALS),
            *(Column(name, "timestamp") for name in _TIMES),
            *(Column(name, "varchar") for name in _TEXTS),
            *(
                Column(name, "map(varchar, varchar)")
                for name in ("Tags", "x_CostCategories", "x_OriginalTags")
            ),
        ],
        key=lambda each: (each.name.startswith("x_"), each.name),
    )
)
