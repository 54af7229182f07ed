"""The columns of `charges` kept in memory before anybody has asked: those that reports are made of."""

HOT_CHARGES: tuple[str, ...] = (
    "BilledCost",
    "EffectiveCost",
    "ListCost",
    "ContractedCost",
    "ConsumedQuantity",
    "ChargePeriodStart",
    "BillingPeriodStart",
    "BillingCurrency",
    "BillingAccountId",
    "SubAccountId",
    "SubAccountName",
    "ChargeCategory",
    "ChargeClass",
    "ServiceCategory",
    "ServiceName",
    "RegionId",
    "PricingCategory",
    "CommitmentDiscountStatus",
    "ResourceId",
    "x_UsageType",
)
