"""A line item of AWS's reports -> `charges` (FOCUS 1.2): one rule per column, as SQL over Athena
names.

How to read it: each rule gives the column of `charges`, the expression that makes it, and where it comes
from. A column that a report does not have reads as NULL. The helpers above the rules are the few things that
one row's SQL cannot say. Sources: "CUR" is the AWS Cost and Usage Report data dictionary, "FOCUS" the
specification, 1.2. The helpers `original_tags` and `cost_categories` are each report's own: a column per tag
in the legacy one, a map in CUR 2.0.

AWS writes what a commitment lost into the row of its fee. FOCUS has two rows for it: the purchase, whose
EffectiveCost is 0, and the unused part, which is usage that nobody made (EffectiveCost-C-005-C,
DiscountHandling-A-017-C to -019-C). So a fee that lost something comes twice, the second with `unused_part`.
"""

from services.cost_center.domain import tags
from services.cost_center.domain.charges import (
    ColumnMap,
    Helper,
    Lookup,
    Netting,
    Product,
    Rule,
    Share,
    TagKeys,
    Twice,
)
from services.cost_center.domain.providers._aws.cur_columns import MONEY
from services.cost_center.domain.providers._aws.service_categories import SERVICE_CATEGORIES

# --------------------------------------------------------------------------------------- unused commitments
_PLAN_UNUSED = "(savings_plan_total_commitment_to_date - savings_plan_used_commitment)"
_LEASE_UNUSED = """
    (COALESCE(reservation_net_unused_amortized_upfront_fee_for_billing_period,
              reservation_unused_amortized_upfront_fee_for_billing_period, 0)
     + COALESCE(reservation_net_unused_recurring_fee, reservation_unused_recurring_fee, 0))
"""


def _commitment(net: str) -> str:
    """What a savings plan costs in the row's period, or NULL where the bill does not say."""
    recurring = f"savings_plan_{net}recurring_commitment_for_billing_period"
    upfront = f"savings_plan_{net}amortized_upfront_commitment_for_billing_period"
    return f"""
        CASE WHEN {recurring} IS NULL AND {upfront} IS NULL THEN NULL
             ELSE COALESCE({recurring}, 0) + COALESCE({upfront}, 0) END
    """


# ---------------------------------------------------------------------------------------------------- helpers
HELPERS = (
    Twice(
        "unused_part",
        needed=f"""
            (line_item_line_item_type = 'SavingsPlanRecurringFee' AND {_PLAN_UNUSED} <> 0)
            OR (line_item_line_item_type = 'RIFee' AND {_LEASE_UNUSED} <> 0)
        """,
    ),
    # An enterprise discount is on the fee, and so on what was lost of it; no column says the latter.
    Share(
        "net_plan_unused",
        amount=_PLAN_UNUSED,
        part=_commitment("net_"),
        whole=_commitment(""),
        needed="line_item_line_item_type = 'SavingsPlanRecurringFee'",
    ),
    Share(
        "reserved_hours",
        amount="line_item_usage_amount",
        part="""
            CASE WHEN pricing_lease_contract_length = '1yr' THEN 8760
                 WHEN pricing_lease_contract_length = '3yr' THEN 26280
                 ELSE NULL END
        """,
        whole="1",
        needed="line_item_line_item_type = 'Fee'",
    ),
    # A savings plan pays for covered usage: AWS bills the usage at its on-demand cost and takes it back in
    # SavingsPlanNegation rows. Within an account and service of an invoice the two are netted.
    Netting(
        matched="netted",
        residual="netting_residual",
        kind="line_item_line_item_type",
        covered="SavingsPlanCoveredUsage",
        negating="SavingsPlanNegation",
        cost=MONEY.cost,
        keys=(
            "bill_payer_account_id",
            "bill_billing_period_start_date",
            "bill_invoice_id",
            "line_item_currency_code",
            "line_item_usage_account_id",
            "line_item_product_code",
        ),
    ),
    Product(
        name="list_rate_times_usage",
        left="pricing_public_on_demand_rate",
        right="line_item_usage_amount",
        needed="pricing_public_on_demand_cost IS NULL",
    ),
    Lookup("service_category", key="line_item_product_code", table=SERVICE_CATEGORIES),
)


def maps(tags_beside: str | None = None, categories_beside: str | None = None) -> tuple[Helper, ...]:
    """The helpers of tags and cost categories: a column for each, and the map columns that CUR 2.0 has."""
    return (
        ColumnMap("original_tags", "resource_tags_", ("resourceTags/", "resource_tags_"), tags_beside),
        TagKeys("normal_tags", "original_tags", tags.AWS),
        ColumnMap(
            "cost_categories", "cost_category_", ("costCategory/", "cost_category_"), categories_beside
        ),
    )


# ---------------------------------------------------------------------------------------------------- phrases
_BILLED = "COALESCE(line_item_net_unblended_cost, line_item_unblended_cost)"
_SP_ARN = "COALESCE(NULLIF(savings_plan_savings_plan_a_r_n, ''), NULLIF(savings_plan_savings_plan_arn, ''))"
_RI_ARN = "COALESCE(NULLIF(reservation_reservation_a_r_n, ''), NULLIF(reservation_reservation_arn, ''))"
_ARN = f"COALESCE({_SP_ARN}, {_RI_ARN})"
_REGION = "COALESCE(product_region_code, product_region)"
_IS_USAGE = (
    "line_item_line_item_type IN"
    " ('Usage', 'DiscountedUsage', 'SavingsPlanCoveredUsage', 'SavingsPlanNegation')"
)
_IS_PURCHASE = (
    "line_item_line_item_type IN ('Fee', 'RIFee', 'SavingsPlanRecurringFee', 'SavingsPlanUpfrontFee')"
)
_IS_COMMITMENT = f"({_IS_PURCHASE} AND {_ARN} IS NOT NULL)"
"""A row that is of a commitment itself: bought, or lost."""
# Split cost allocation: rows of containers that repeat what their instance costs. They cost nothing.
_IS_SPLIT = "COALESCE(split_line_item_parent_resource_id, '') <> ''"
_NORMALIZED = "NULLIF(line_item_normalized_usage_amount, 0)"
_NONE = "CAST(NULL AS VARCHAR)"
_NO_NUMBER = "CAST(NULL AS DECIMAL(38, 18))"

# ------------------------------------------------------------------------------------------------------ costs
COSTS = (
    Rule(
        "BilledCost",
        f"CASE WHEN unused_part THEN 0 WHEN netted THEN netting_residual ELSE {_BILLED} END",
        "FOCUS BilledCost; CUR lineItem/NetUnblendedCost, else UnblendedCost, net of SavingsPlanNegation",
    ),
    Rule(
        "EffectiveCost",
        f"""
        CASE
          WHEN unused_part AND line_item_line_item_type = 'RIFee' THEN {_LEASE_UNUSED}
          WHEN unused_part THEN COALESCE(net_plan_unused, {_PLAN_UNUSED})
          WHEN line_item_line_item_type = 'SavingsPlanCoveredUsage' THEN COALESCE(
            savings_plan_net_savings_plan_effective_cost, savings_plan_savings_plan_effective_cost, {_BILLED})
          WHEN line_item_line_item_type = 'SavingsPlanRecurringFee' AND {_PLAN_UNUSED} IS NULL THEN {_BILLED}
          WHEN line_item_line_item_type IN (
            'SavingsPlanNegation', 'SavingsPlanUpfrontFee', 'SavingsPlanRecurringFee', 'RIFee') THEN 0
          WHEN line_item_line_item_type = 'DiscountedUsage' THEN COALESCE(
            reservation_net_effective_cost, reservation_effective_cost, {_BILLED})
          WHEN line_item_line_item_type = 'Fee' AND {_RI_ARN} IS NOT NULL THEN 0
          ELSE {_BILLED}
        END
        """,
        "FOCUS EffectiveCost; CUR SavingsPlanEffectiveCost, reservation/EffectiveCost and unused fees; a"
        " purchase for later has none, where the bill says what became of it",
    ),
    Rule(
        "ListCost",
        f"""
        CASE
          WHEN unused_part OR line_item_line_item_type = 'SavingsPlanNegation' THEN 0
          WHEN {_IS_SPLIT} THEN line_item_unblended_cost
          WHEN {_IS_PURCHASE} THEN COALESCE(
            pricing_public_on_demand_cost, list_rate_times_usage, line_item_unblended_cost)
          ELSE COALESCE(pricing_public_on_demand_cost, list_rate_times_usage, {_BILLED})
        END
        """,
        "FOCUS ListCost; CUR pricing/publicOnDemandCost, else publicOnDemandRate x lineItem/UsageAmount",
    ),
    Rule(
        "ContractedCost",
        f"""
        CASE
          WHEN unused_part OR line_item_line_item_type = 'SavingsPlanNegation' THEN 0
          WHEN line_item_line_item_type = 'DiscountedUsage' THEN COALESCE(
            pricing_public_on_demand_cost, list_rate_times_usage, {_BILLED})
          ELSE {_BILLED}
        END
        """,
        "FOCUS ContractedCost (after negotiated rates, before commitments); CUR lineItem/NetUnblendedCost",
    ),
    Rule("BillingCurrency", "line_item_currency_code", "FOCUS BillingCurrency; CUR lineItem/CurrencyCode"),
    Rule("PricingCurrency", "pricing_currency", "FOCUS PricingCurrency; CUR pricing/currency"),
    Rule(
        "PricingCurrencyContractedUnitPrice",
        _NO_NUMBER,
        "FOCUS; CUR has no contracted price in another currency",
    ),
    Rule("PricingCurrencyEffectiveCost", _NO_NUMBER, "FOCUS; CUR has no cost in another currency"),
    Rule(
        "PricingCurrencyListUnitPrice",
        "pricing_public_on_demand_rate",
        "FOCUS PricingCurrencyListUnitPrice; CUR pricing/publicOnDemandRate is in pricing/currency",
    ),
)

# --------------------------------------------------------------------------------------------- account, bill
ACCOUNTS = (
    Rule("BillingAccountId", "bill_payer_account_id", "FOCUS BillingAccountId; CUR bill/PayerAccountId"),
    Rule("BillingAccountName", "bill_payer_account_name", "FOCUS BillingAccountName; CUR 2.0 only"),
    Rule("BillingAccountType", "'Management Account'", "FOCUS BillingAccountType; AWS Organizations term"),
    Rule("SubAccountId", "line_item_usage_account_id", "FOCUS SubAccountId; CUR lineItem/UsageAccountId"),
    Rule("SubAccountName", "line_item_usage_account_name", "FOCUS SubAccountName; CUR 2.0 only"),
    Rule(
        "SubAccountType",
        """
        CASE
          WHEN line_item_usage_account_id IS NULL THEN NULL
          WHEN line_item_usage_account_id = bill_payer_account_id THEN 'Management Account'
          ELSE 'Member Account'
        END
        """,
        "FOCUS SubAccountType; AWS Organizations terms",
    ),
    Rule(
        "InvoiceId",
        "bill_invoice_id",
        "FOCUS InvoiceId; CUR bill/InvoiceId, empty until the invoice is issued",
    ),
    Rule(
        "InvoiceIssuerName",
        "COALESCE(bill_invoicing_entity, line_item_legal_entity, 'Amazon Web Services, Inc.')",
        "FOCUS InvoiceIssuer; CUR bill/InvoicingEntity",
    ),
    Rule("ProviderName", "'AWS'", "FOCUS Provider"),
    Rule(
        "PublisherName",
        "COALESCE(line_item_legal_entity, 'AWS')",
        "FOCUS Publisher; CUR lineItem/LegalEntity",
    ),
    Rule("HostProviderName", "'AWS'", "FOCUS 1.3 HostProviderName"),
    Rule(
        "ServiceProviderName",
        "CASE WHEN bill_billing_entity = 'AWS Marketplace' THEN line_item_legal_entity ELSE 'AWS' END",
        "FOCUS 1.3 ServiceProviderName; CUR bill/BillingEntity",
    ),
)

# ----------------------------------------------------------------------------------------------------- charge
CHARGE = (
    Rule(
        "ChargeCategory",
        f"""
        CASE
          WHEN unused_part OR {_IS_USAGE} THEN 'Usage'
          WHEN {_IS_PURCHASE} THEN 'Purchase'
          WHEN line_item_line_item_type = 'Tax' THEN 'Tax'
          WHEN line_item_line_item_type = 'Credit' THEN 'Credit'
          ELSE 'Adjustment'
        END
        """,
        "FOCUS ChargeCategory; CUR lineItem/LineItemType",
    ),
    Rule(
        "ChargeClass",
        "CASE WHEN line_item_line_item_type = 'Refund' THEN 'Correction' ELSE NULL END",
        "FOCUS ChargeClass; CUR lineItem/LineItemType Refund",
    ),
    Rule("ChargeDescription", "line_item_line_item_description", "FOCUS; CUR lineItem/LineItemDescription"),
    Rule(
        "ChargeFrequency",
        f"""
        CASE
          WHEN unused_part OR {_IS_USAGE} THEN 'Usage-Based'
          WHEN line_item_line_item_type IN ('RIFee', 'SavingsPlanRecurringFee') THEN 'Recurring'
          ELSE 'One-Time'
        END
        """,
        "FOCUS ChargeFrequency; CUR lineItem/LineItemType",
    ),
    Rule("BillingPeriodStart", "bill_billing_period_start_date", "FOCUS; CUR bill/BillingPeriodStartDate"),
    Rule("BillingPeriodEnd", "bill_billing_period_end_date", "FOCUS; CUR bill/BillingPeriodEndDate"),
    Rule("ChargePeriodStart", "line_item_usage_start_date", "FOCUS; CUR lineItem/UsageStartDate"),
    Rule("ChargePeriodEnd", "line_item_usage_end_date", "FOCUS; CUR lineItem/UsageEndDate"),
)

# ------------------------------------------------------------------------------------------------ commitments
COMMITMENTS = (
    Rule(
        "CommitmentDiscountCategory",
        f"CASE WHEN {_SP_ARN} IS NOT NULL THEN 'Spend' WHEN {_RI_ARN} IS NOT NULL THEN 'Usage' ELSE NULL END",
        "FOCUS CommitmentDiscountCategory; CUR savingsPlan/SavingsPlanARN, reservation/ReservationARN",
    ),
    Rule("CommitmentDiscountId", _ARN, "FOCUS; CUR, the ARN"),
    Rule("CommitmentDiscountName", _NONE, "FOCUS CommitmentDiscountName; CUR has no name"),
    Rule(
        "CommitmentDiscountType",
        f"""
        CASE
          WHEN {_SP_ARN} IS NOT NULL THEN 'Savings Plan'
          WHEN {_RI_ARN} IS NOT NULL THEN 'Reserved Instance'
          ELSE NULL
        END
        """,
        "FOCUS CommitmentDiscountType; AWS terms",
    ),
    Rule(
        "CommitmentDiscountStatus",
        f"""
        CASE
          WHEN unused_part THEN 'Unused'
          WHEN {_ARN} IS NOT NULL AND line_item_line_item_type IN (
            'SavingsPlanCoveredUsage', 'SavingsPlanNegation', 'DiscountedUsage') THEN 'Used'
          ELSE NULL
        END
        """,
        "FOCUS CommitmentDiscountStatus; CUR lineItem/LineItemType",
    ),
    Rule(
        "CommitmentDiscountQuantity",
        f"""
        CASE
          WHEN {_ARN} IS NULL THEN NULL
          WHEN unused_part AND line_item_line_item_type = 'RIFee' THEN COALESCE(
            NULLIF(reservation_unused_normalized_unit_quantity, 0), reservation_unused_quantity)
          WHEN unused_part THEN {_PLAN_UNUSED}
          WHEN line_item_line_item_type = 'SavingsPlanCoveredUsage' THEN
            savings_plan_savings_plan_effective_cost
          WHEN line_item_line_item_type = 'SavingsPlanNegation' THEN 0
          WHEN line_item_line_item_type = 'SavingsPlanRecurringFee' THEN
            savings_plan_total_commitment_to_date
          WHEN line_item_line_item_type = 'SavingsPlanUpfrontFee' THEN line_item_unblended_cost
          WHEN line_item_line_item_type IN ('DiscountedUsage', 'RIFee') THEN
            COALESCE({_NORMALIZED}, line_item_usage_amount)
          WHEN line_item_line_item_type = 'Fee' THEN COALESCE(reserved_hours, line_item_usage_amount)
          ELSE NULL
        END
        """,
        "FOCUS CommitmentDiscountQuantity: money for a savings plan; for a reservation hours, of the family's"
        " smallest size where the bill counts so (lineItem/NormalizedUsageAmount); a Fee is for its term",
    ),
    Rule(
        "CommitmentDiscountUnit",
        f"""
        CASE
          WHEN {_ARN} IS NULL THEN NULL
          WHEN {_SP_ARN} IS NOT NULL AND line_item_line_item_type IN (
            'SavingsPlanCoveredUsage', 'SavingsPlanNegation', 'SavingsPlanRecurringFee',
            'SavingsPlanUpfrontFee') THEN line_item_currency_code
          WHEN line_item_line_item_type IN ('DiscountedUsage', 'RIFee') AND {_NORMALIZED} IS NOT NULL
            THEN 'Normalized Hour'
          WHEN line_item_line_item_type IN ('DiscountedUsage', 'RIFee') THEN pricing_unit
          WHEN line_item_line_item_type = 'Fee' THEN 'Hrs'
          ELSE NULL
        END
        """,
        "FOCUS CommitmentDiscountUnit",
    ),
    Rule(
        "CapacityReservationId",
        "NULLIF(capacity_reservation_capacity_reservation_arn, '')",
        "FOCUS CapacityReservationId; CUR 2.0 only",
    ),
    Rule(
        "CapacityReservationStatus",
        """
        CASE
          WHEN LOWER(capacity_reservation_capacity_reservation_status) = 'used' THEN 'Used'
          WHEN LOWER(capacity_reservation_capacity_reservation_status) = 'unused' THEN 'Unused'
          ELSE NULL
        END
        """,
        "FOCUS CapacityReservationStatus; CUR 2.0 only",
    ),
)

# --------------------------------------------------------------------------------------- pricing and quantity
PRICING = (
    Rule(
        "PricingCategory",
        """
        CASE
          WHEN unused_part OR line_item_line_item_type IN (
            'SavingsPlanCoveredUsage', 'SavingsPlanNegation', 'DiscountedUsage') THEN 'Committed'
          WHEN line_item_line_item_type = 'Usage' AND line_item_usage_type LIKE '%SpotUsage%' THEN 'Dynamic'
          WHEN line_item_line_item_type IN (
            'Usage', 'Fee', 'RIFee', 'SavingsPlanRecurringFee', 'SavingsPlanUpfrontFee') THEN 'Standard'
          ELSE NULL
        END
        """,
        "FOCUS PricingCategory; CUR lineItem/LineItemType, lineItem/UsageType",
    ),
    Rule(
        "PricingQuantity",
        f"""
        CASE
          WHEN line_item_line_item_type = 'Tax' THEN NULL
          WHEN unused_part OR {_IS_SPLIT} OR line_item_line_item_type = 'SavingsPlanNegation' THEN 0
          ELSE line_item_usage_amount
        END
        """,
        "FOCUS PricingQuantity, null for tax; CUR lineItem/UsageAmount, which a negation repeats",
    ),
    Rule(
        "PricingUnit",
        "CASE WHEN line_item_line_item_type = 'Tax' THEN NULL ELSE pricing_unit END",
        "FOCUS PricingUnit, null for tax; CUR pricing/unit",
    ),
    Rule(
        "ConsumedQuantity",
        f"""
        CASE
          WHEN {_IS_SPLIT} OR line_item_line_item_type = 'SavingsPlanNegation' THEN 0
          WHEN {_IS_USAGE} THEN line_item_usage_amount
          ELSE NULL
        END
        """,
        "FOCUS ConsumedQuantity, for usage only; CUR lineItem/UsageAmount, which a negation repeats",
    ),
    Rule(
        "ConsumedUnit",
        f"CASE WHEN {_IS_USAGE} THEN pricing_unit ELSE NULL END",
        "FOCUS ConsumedUnit, for usage only; CUR pricing/unit",
    ),
    Rule(
        "ListUnitPrice",
        """
        CASE WHEN COALESCE(pricing_currency, line_item_currency_code) = line_item_currency_code
                  AND NOT unused_part
             THEN pricing_public_on_demand_rate ELSE NULL END
        """,
        "FOCUS ListUnitPrice, in the billing currency; CUR pricing/publicOnDemandRate",
    ),
    Rule(
        "ContractedUnitPrice",
        "CASE WHEN unused_part THEN NULL"
        " ELSE COALESCE(line_item_net_unblended_rate, line_item_unblended_rate) END",
        "FOCUS ContractedUnitPrice; CUR lineItem/NetUnblendedRate, else lineItem/UnblendedRate",
    ),
    Rule("SkuId", "product_sku", "FOCUS SkuId; CUR product/sku"),
    Rule("SkuPriceId", "pricing_rate_code", "FOCUS SkuPriceId; CUR pricing/RateCode"),
    Rule("SkuMeter", "line_item_usage_type", "FOCUS SkuMeter; CUR lineItem/UsageType"),
    Rule("SkuPriceDetails", _NONE, "FOCUS SkuPriceDetails; the raw table has the product_ columns"),
)

# --------------------------------------------------------------------------------------- service and resource
SERVICE = (
    Rule(
        "ServiceName",
        "COALESCE(product_product_name, product_servicename, line_item_product_code)",
        "FOCUS ServiceName; CUR product/ProductName",
    ),
    Rule(
        "ServiceCategory",
        "COALESCE(service_category, 'Other')",
        "FOCUS ServiceCategory; service_categories.py",
    ),
    Rule(
        "ServiceSubcategory",
        "'Other (' || COALESCE(service_category, 'Other') || ')'",
        "FOCUS ServiceSubcategory: the generic one of the category",
    ),
    Rule("RegionId", f"NULLIF({_REGION}, '')", "FOCUS RegionId; CUR product/regionCode, else product/region"),
    Rule(
        "RegionName",
        f"CASE WHEN COALESCE({_REGION}, '') <> '' THEN product_location ELSE NULL END",
        "FOCUS RegionName; CUR product/location",
    ),
    Rule("AvailabilityZone", "line_item_availability_zone", "FOCUS; CUR lineItem/AvailabilityZone"),
    Rule(
        "ResourceId",
        f"""
        CASE
          WHEN {_IS_COMMITMENT} THEN {_ARN}
          WHEN {_IS_SPLIT} THEN split_line_item_parent_resource_id
          ELSE NULLIF(line_item_resource_id, '')
        END
        """,
        "FOCUS ResourceId, of a commitment its own (DiscountHandling-A-012-C, -019-C); CUR"
        " lineItem/ResourceId, of a split row splitLineItem/ParentResourceId",
    ),
    Rule(
        "ResourceName",
        f"CASE WHEN {_IS_COMMITMENT} THEN NULL ELSE resource_tags_user_name END",
        "FOCUS ResourceName; CUR resourceTags/user:Name",
    ),
    Rule(
        "ResourceType",
        f"""
        CASE
          WHEN {_IS_COMMITMENT} AND {_SP_ARN} IS NOT NULL THEN 'Savings Plan'
          WHEN {_IS_COMMITMENT} THEN 'Reserved Instance'
          WHEN NULLIF(line_item_resource_id, '') IS NOT NULL THEN product_product_family
          ELSE NULL
        END
        """,
        "FOCUS ResourceType; CUR product/productFamily",
    ),
    Rule("Tags", "normal_tags", "FOCUS Tags; CUR resourceTags/*: see tags.normal_key"),
    Rule(
        "AllocatedMethodDetails",
        f"""
        CASE
          WHEN {_IS_SPLIT} THEN '{{"Elements": [{{"AllocatedRatio": '
            || COALESCE(CAST(split_line_item_split_usage_ratio AS VARCHAR), 'null')
            || ', "UsageQuantity": ' || COALESCE(CAST(split_line_item_split_usage AS VARCHAR), 'null')
            || ', "x_SplitCost": ' || COALESCE(CAST(split_line_item_split_cost AS VARCHAR), 'null')
            || ', "x_UnusedCost": ' || COALESCE(CAST(split_line_item_unused_cost AS VARCHAR), 'null')
            || '}}]}}'
          ELSE NULL
        END
        """,
        "FOCUS 1.3; CUR splitLineItem/*: what the row says of its part, as JSON; no cost column has it",
    ),
    Rule(
        "AllocatedMethodId",
        f"CASE WHEN {_IS_SPLIT} THEN 'AWS split cost allocation' ELSE NULL END",
        "FOCUS 1.3; AWS's name of the method",
    ),
    Rule(
        "AllocatedResourceId",
        f"CASE WHEN {_IS_SPLIT} THEN NULLIF(line_item_resource_id, '') ELSE NULL END",
        "FOCUS 1.3, the container; CUR lineItem/ResourceId of a split row",
    ),
    Rule(
        "AllocatedResourceName",
        f"CASE WHEN {_IS_SPLIT} THEN resource_tags_user_name ELSE NULL END",
        "FOCUS 1.3; CUR resourceTags/user:Name of a split row",
    ),
    Rule("AllocatedTags", _NONE, "FOCUS 1.3; a split row's tags are in Tags"),
    Rule("ContractApplied", _NONE, "FOCUS 1.3; the legacy CUR names no contract"),
)

# ----------------------------------------------------------------------------------- what FOCUS has no name
# for
EXTENSIONS = (
    Rule("x_Source", "source", "Onyx: the export that delivered the row"),
    Rule("x_BillingPeriod", "billing_period", "Onyx: the month of bill/BillingPeriodStartDate"),
    Rule("x_BillId", "source || '.' || billing_period", "Onyx: source and billing period"),
    Rule("x_ServiceCode", "line_item_product_code", "CUR lineItem/ProductCode"),
    Rule("x_UsageType", "line_item_usage_type", "CUR lineItem/UsageType"),
    Rule("x_Operation", "line_item_operation", "CUR lineItem/Operation"),
    Rule("x_LineItemType", "line_item_line_item_type", "CUR lineItem/LineItemType"),
    Rule("x_LineItemId", "identity_line_item_id", "CUR identity/LineItemId"),
    Rule("x_TaxType", "line_item_tax_type", "CUR lineItem/TaxType"),
    Rule("x_ProductFamily", "product_product_family", "CUR product/productFamily"),
    Rule("x_InstanceType", "product_instance_type", "CUR product/instanceType"),
    Rule("x_CostCategories", "cost_categories", "CUR costCategory/*"),
    Rule(
        "x_ChargePart",
        "CASE WHEN unused_part THEN 'Unused' ELSE NULL END",
        "Onyx: what a fee's row says beside the fee",
    ),
    Rule("x_OriginalTags", "original_tags", "CUR resourceTags/*, keys and values as AWS wrote them"),
)

RULES = (*COSTS, *ACCOUNTS, *CHARGE, *COMMITMENTS, *PRICING, *SERVICE, *EXTENSIONS)
