"""Azure's cost export -> `charges` (FOCUS 1.2): one rule per column, as SQL over the raw table's names.

"Azure" is Microsoft's documentation of the export's fields, "FOCUS" the specification, 1.2. The export of
actual cost tells no amortized one: what a commitment covers costs nothing in it, and its purchase
counts in full on its day, in EffectiveCost as well.
"""

from services.cost_center.domain.charges import (
    ChargeMapping,
    JsonMap,
    Lookup,
    Product,
    Rule,
    TagKeys,
    nulls_beside,
)

_FAMILIES = {
    "AI + Machine Learning": "AI and Machine Learning",
    "Analytics": "Analytics",
    "Azure Communication Services": "Integration",
    "Compute": "Compute",
    "Containers": "Compute",
    "Databases": "Databases",
    "Developer Tools": "Developer Tools",
    "Identity": "Identity",
    "Integration": "Integration",
    "Internet of Things": "Internet of Things",
    "Management and Governance": "Management and Governance",
    "Media": "Media",
    "Migration": "Migration",
    "Mobile": "Mobile",
    "Networking": "Networking",
    "Security": "Security",
    "Storage": "Storage",
    "Web": "Web",
    "Windows Virtual Desktop": "Business Applications",
}
"""Azure's ServiceFamily -> FOCUS ServiceCategory."""

_MADE_TOTAL = "{} IS NOT NULL AND Quantity IS NOT NULL"
HELPERS = (
    Product("pay_as_you_go", left="PayGPrice", right="Quantity", needed=_MADE_TOTAL.format("PayGPrice")),
    Product("contracted", left="UnitPrice", right="Quantity", needed=_MADE_TOTAL.format("UnitPrice")),
    Lookup("service_category", key="ServiceFamily", table=_FAMILIES),
    JsonMap("original_tags", "Tags", pairs=True),
    TagKeys("normal_tags", "original_tags", prefixes=()),
)

_USAGE = "ChargeType IN ('Usage', 'UnusedReservation', 'UnusedSavingsPlan')"
_BENEFIT = "COALESCE(BenefitId, ReservationId)"
_SAVINGS_PLAN = "(PricingModel = 'SavingsPlan' OR ChargeType = 'UnusedSavingsPlan')"
_PLACE = "LOWER(REPLACE(ResourceLocation, ' ', ''))"

COSTS = (
    Rule("BilledCost", "CostInBillingCurrency", "FOCUS BilledCost; Azure CostInBillingCurrency"),
    Rule("EffectiveCost", "CostInBillingCurrency", "Azure: actual cost, see above"),
    Rule(
        "ListCost",
        f"CASE WHEN {_USAGE} THEN COALESCE(pay_as_you_go, CostInBillingCurrency) "
        "ELSE CostInBillingCurrency END",
        "FOCUS ListCost; Azure PayGPrice x Quantity",
    ),
    Rule(
        "ContractedCost",
        f"CASE WHEN {_USAGE} THEN COALESCE(contracted, CostInBillingCurrency) ELSE CostInBillingCurrency END",
        "FOCUS ContractedCost; Azure UnitPrice (of the agreement) x Quantity",
    ),
    Rule("BillingCurrency", "BillingCurrencyCode", "FOCUS BillingCurrency; Azure BillingCurrencyCode"),
    Rule("ListUnitPrice", f"CASE WHEN {_USAGE} THEN PayGPrice ELSE NULL END", "Azure PayGPrice"),
    Rule("ContractedUnitPrice", f"CASE WHEN {_USAGE} THEN UnitPrice ELSE NULL END", "Azure UnitPrice"),
)

ACCOUNTS = (
    Rule("BillingAccountId", "BillingAccountId", "FOCUS; Azure BillingAccountId"),
    Rule("BillingAccountName", "BillingAccountName", "FOCUS; Azure BillingAccountName"),
    Rule("BillingAccountType", "'Billing Account'", "FOCUS BillingAccountType; Azure's term"),
    Rule("SubAccountId", "SubscriptionId", "FOCUS SubAccountId; Azure SubscriptionId"),
    Rule("SubAccountName", "SubscriptionName", "FOCUS SubAccountName; Azure SubscriptionName"),
    Rule(
        "SubAccountType",
        "CASE WHEN SubscriptionId IS NULL THEN NULL ELSE 'Subscription' END",
        "FOCUS SubAccountType; Azure's term",
    ),
    Rule("InvoiceId", "InvoiceId", "FOCUS InvoiceId; Azure InvoiceId, where the export has it"),
    Rule("InvoiceIssuerName", "'Microsoft'", "FOCUS InvoiceIssuer"),
    Rule("ProviderName", "'Microsoft'", "FOCUS Provider"),
    Rule("PublisherName", "COALESCE(PublisherName, 'Microsoft')", "FOCUS Publisher; Azure PublisherName"),
    Rule("HostProviderName", "'Microsoft'", "FOCUS 1.3 HostProviderName"),
    Rule("ServiceProviderName", "COALESCE(PublisherName, 'Microsoft')", "FOCUS 1.3 ServiceProviderName"),
)

CHARGE = (
    Rule(
        "ChargeCategory",
        f"CASE WHEN {_USAGE} THEN 'Usage' WHEN ChargeType = 'Purchase' THEN 'Purchase' "
        "WHEN ChargeType = 'Tax' THEN 'Tax' ELSE 'Adjustment' END",
        "FOCUS ChargeCategory; Azure ChargeType",
    ),
    Rule(
        "ChargeClass",
        "CASE WHEN ChargeType = 'Refund' THEN 'Correction' ELSE NULL END",
        "FOCUS ChargeClass; Azure ChargeType Refund",
    ),
    Rule("ChargeDescription", "ProductName", "FOCUS ChargeDescription; Azure ProductName"),
    Rule(
        "ChargeFrequency",
        "CASE Frequency WHEN 'UsageBased' THEN 'Usage-Based' WHEN 'Recurring' THEN 'Recurring' "
        "ELSE 'One-Time' END",
        "FOCUS ChargeFrequency; Azure Frequency",
    ),
    Rule("BillingPeriodStart", "BillingPeriodStartDate", "FOCUS; Azure BillingPeriodStartDate"),
    Rule(
        "BillingPeriodEnd",
        "BillingPeriodEndDate + INTERVAL '1 day'",
        "FOCUS BillingPeriodEnd, exclusive; Azure's BillingPeriodEndDate is the last day",
    ),
    Rule("ChargePeriodStart", '"Date"', "FOCUS ChargePeriodStart; Azure Date"),
    Rule("ChargePeriodEnd", "\"Date\" + INTERVAL '1 day'", "FOCUS ChargePeriodEnd, exclusive; Azure Date"),
)

COMMITMENTS = (
    Rule(
        "CommitmentDiscountCategory",
        f"CASE WHEN {_BENEFIT} IS NULL THEN NULL WHEN {_SAVINGS_PLAN} THEN 'Spend' ELSE 'Usage' END",
        "FOCUS CommitmentDiscountCategory; Azure PricingModel, BenefitId, ReservationId",
    ),
    Rule("CommitmentDiscountId", _BENEFIT, "FOCUS CommitmentDiscountId; Azure BenefitId, ReservationId"),
    Rule("CommitmentDiscountName", "COALESCE(BenefitName, ReservationName)", "Azure BenefitName"),
    Rule(
        "CommitmentDiscountType",
        f"CASE WHEN {_BENEFIT} IS NULL THEN NULL WHEN {_SAVINGS_PLAN} THEN 'Savings Plan' "
        "ELSE 'Reservation' END",
        "FOCUS CommitmentDiscountType; Azure's terms",
    ),
    Rule(
        "CommitmentDiscountStatus",
        f"CASE WHEN {_BENEFIT} IS NULL THEN NULL WHEN ChargeType = 'Usage' THEN 'Used' "
        "WHEN ChargeType IN ('UnusedReservation', 'UnusedSavingsPlan') THEN 'Unused' ELSE NULL END",
        "FOCUS CommitmentDiscountStatus; Azure ChargeType",
    ),
)

SERVICE = (
    Rule(
        "PricingCategory",
        f"CASE WHEN NOT {_USAGE} THEN NULL WHEN PricingModel = 'OnDemand' THEN 'Standard' "
        "WHEN PricingModel = 'Spot' THEN 'Dynamic' "
        "WHEN PricingModel IN ('Reservation', 'SavingsPlan') THEN 'Committed' ELSE 'Other' END",
        "FOCUS PricingCategory; Azure PricingModel",
    ),
    Rule("PricingQuantity", "CASE WHEN ChargeType = 'Tax' THEN NULL ELSE Quantity END", "Azure Quantity"),
    Rule(
        "PricingUnit", "CASE WHEN ChargeType = 'Tax' THEN NULL ELSE UnitOfMeasure END", "Azure UnitOfMeasure"
    ),
    Rule("ConsumedQuantity", "CASE WHEN ChargeType = 'Usage' THEN Quantity ELSE NULL END", "Azure Quantity"),
    Rule(
        "ConsumedUnit",
        "CASE WHEN ChargeType = 'Usage' THEN UnitOfMeasure ELSE NULL END",
        "Azure UnitOfMeasure",
    ),
    Rule("ServiceName", "COALESCE(MeterCategory, ConsumedService, 'Azure')", "FOCUS; Azure MeterCategory"),
    Rule("ServiceCategory", "COALESCE(service_category, 'Other')", "FOCUS; Azure ServiceFamily"),
    Rule(
        "ServiceSubcategory",
        "'Other (' || COALESCE(service_category, 'Other') || ')'",
        "FOCUS ServiceSubcategory: the generic one of the category",
    ),
    Rule("RegionId", _PLACE, "FOCUS RegionId; Azure ResourceLocation as its APIs write it"),
    Rule("RegionName", "ResourceLocation", "FOCUS RegionName; Azure ResourceLocation"),
    Rule("AvailabilityZone", "AvailabilityZone", "FOCUS AvailabilityZone; Azure AvailabilityZone"),
    Rule("ResourceId", "ResourceId", "FOCUS ResourceId; Azure ResourceId"),
    Rule("ResourceName", "ResourceName", "FOCUS ResourceName; Azure ResourceName"),
    Rule(
        "ResourceType",
        "CASE WHEN ResourceId IS NULL THEN NULL ELSE ConsumedService END",
        "FOCUS ResourceType; Azure ConsumedService",
    ),
    Rule("SkuId", "MeterId", "FOCUS SkuId; Azure MeterId"),
    Rule("SkuPriceId", "PartNumber", "FOCUS SkuPriceId; Azure PartNumber"),
    Rule("SkuMeter", "MeterName", "FOCUS SkuMeter; Azure MeterName"),
    Rule("Tags", "normal_tags", "FOCUS Tags; Azure Tags: see tags.normal_key"),
    Rule("x_OriginalTags", "original_tags", "Azure Tags, as they are written"),
)

EXTENSIONS = (
    Rule("x_Source", "source", "Onyx: the export that delivered the row"),
    Rule("x_BillingPeriod", "billing_period", "Onyx: the month of BillingPeriodStartDate"),
    Rule("x_BillId", "source || '.' || billing_period", "Onyx: source and billing period"),
    Rule("x_ServiceCode", "ConsumedService", "Azure ConsumedService"),
    Rule("x_UsageType", "MeterSubCategory", "Azure MeterSubCategory"),
    Rule("x_LineItemType", "ChargeType", "Azure ChargeType"),
    Rule("x_ProductFamily", "ServiceFamily", "Azure ServiceFamily"),
)

MAPPING = ChargeMapping(
    nulls_beside(
        (*COSTS, *ACCOUNTS, *CHARGE, *COMMITMENTS, *SERVICE, *EXTENSIONS),
        why="Azure's export does not say it",
    ),
    HELPERS,
)
