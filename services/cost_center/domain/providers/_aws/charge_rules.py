"""A line item of AWS's reports -> `charges` (FOCUS 1.2): one rule per column, as SQL over Athena
names.

How to read it: each rule gives the column of `charges`, the expression that makes it, and where it comes
from. A column that a report does not have reads as NULL. The helpers above the rules are the few things that
one row's SQL cannot say. Sources: "CUR" is the AWS Cost and Usage Report data dictionary, "FOCUS" the
specification, 1.2. The helpers `tags` and `cost_categories` are each report's own: a column per tag in the
legacy one, a map in CUR 2.0.
"""

from services.cost_center.domain.charges import Lookup, Netting, Product, Rule
from services.cost_center.domain.providers._aws.cur_columns import MONEY
from services.cost_center.domain.providers._aws.service_categories import SERVICE_CATEGORIES

# ---------------------------------------------------------------------------------------------------- helpers
HELPERS = (
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

# ---------------------------------------------------------------------------------------------------- phrases
_BILLED = "COALESCE(line_item_net_unblended_cost, line_item_unblended_cost)"
_SP_ARN = "COALESCE(savings_plan_savings_plan_a_r_n, savings_plan_savings_plan_arn)"
_RI_ARN = "COALESCE(reservation_reservation_a_r_n, reservation_reservation_arn)"
_REGION = "COALESCE(product_region_code, product_region)"
_IS_USAGE = (
    "line_item_line_item_type IN"
    " ('Usage', 'DiscountedUsage', 'SavingsPlanCoveredUsage', 'SavingsPlanNegation')"
)
_IS_PURCHASE = (
    "line_item_line_item_type IN ('Fee', 'RIFee', 'SavingsPlanRecurringFee', 'SavingsPlanUpfrontFee')"
)
_NONE = "CAST(NULL AS VARCHAR)"
_NO_NUMBER = "CAST(NULL AS DECIMAL(38, 18))"

# ------------------------------------------------------------------------------------------------------ costs
COSTS = (
    Rule(
        "BilledCost",
        f"CASE WHEN netted THEN netting_residual ELSE {_BILLED} END",
        "FOCUS BilledCost; CUR lineItem/NetUnblendedCost, else UnblendedCost, net of SavingsPlanNegation",
    ),
    Rule(
        "EffectiveCost",
        f"""
        CASE
          WHEN line_item_line_item_type = 'SavingsPlanCoveredUsage' THEN COALESCE(
            savings_plan_net_savings_plan_effective_cost, savings_plan_savings_plan_effective_cost, {_BILLED})
          WHEN line_item_line_item_type = 'SavingsPlanRecurringFee' THEN COALESCE(
            savings_plan_total_commitment_to_date - savings_plan_used_commitment, {_BILLED})
          WHEN line_item_line_item_type IN ('SavingsPlanNegation', 'SavingsPlanUpfrontFee') THEN 0
          WHEN line_item_line_item_type = 'DiscountedUsage' THEN COALESCE(
            reservation_net_effective_cost, reservation_effective_cost, {_BILLED})
          WHEN line_item_line_item_type = 'RIFee' THEN
            COALESCE(reservation_net_unused_amortized_upfront_fee_for_billing_period,
                     reservation_unused_amortized_upfront_fee_for_billing_period, 0)
            + COALESCE(reservation_net_unused_recurring_fee, reservation_unused_recurring_fee, 0)
          WHEN line_item_line_item_type = 'Fee' AND COALESCE({_RI_ARN}, '') <> '' THEN 0
          ELSE {_BILLED}
        END
        """,
        "FOCUS EffectiveCost; CUR SavingsPlanEffectiveCost, reservation/EffectiveCost and unused fees",
    ),
    Rule(
        "ListCost",
        f"""
        CASE
          WHEN line_item_line_item_type = 'SavingsPlanNegation' THEN 0
          ELSE COALESCE(pricing_public_on_demand_cost, list_rate_times_usage, {_BILLED})
        END
        """,
        "FOCUS ListCost; CUR pricing/publicOnDemandCost, else publicOnDemandRate x lineItem/UsageAmount",
    ),
    Rule(
        "ContractedCost",
        f"""
        CASE
          WHEN line_item_line_item_type = 'SavingsPlanNegation' THEN 0
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
          WHEN {_IS_USAGE} THEN 'Usage'
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
          WHEN {_IS_USAGE} THEN 'Usage-Based'
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
        f"""
        CASE
          WHEN COALESCE({_SP_ARN}, '') <> '' THEN 'Spend'
          WHEN COALESCE({_RI_ARN}, '') <> '' THEN 'Usage'
          ELSE NULL
        END
        """,
        "FOCUS CommitmentDiscountCategory; CUR savingsPlan/SavingsPlanARN, reservation/ReservationARN",
    ),
    Rule(
        "CommitmentDiscountId",
        f"COALESCE(NULLIF({_SP_ARN}, ''), NULLIF({_RI_ARN}, ''))",
        "FOCUS; CUR, the ARN",
    ),
    Rule("CommitmentDiscountName", _NONE, "FOCUS CommitmentDiscountName; CUR has no name"),
    Rule(
        "CommitmentDiscountType",
        f"""
        CASE
          WHEN COALESCE({_SP_ARN}, '') <> '' THEN 'Savings Plan'
          WHEN COALESCE({_RI_ARN}, '') <> '' THEN 'Reserved Instance'
          ELSE NULL
        END
        """,
        "FOCUS CommitmentDiscountType; AWS terms",
    ),
    Rule(
        "CommitmentDiscountStatus",
        """
        CASE
          WHEN line_item_line_item_type IN ('SavingsPlanCoveredUsage', 'DiscountedUsage') THEN 'Used'
          ELSE NULL
        END
        """,
        "FOCUS CommitmentDiscountStatus; CUR lineItem/LineItemType (unused is no row of its own)",
    ),
    Rule(
        "CommitmentDiscountQuantity",
        """
        CASE
          WHEN line_item_line_item_type = 'SavingsPlanCoveredUsage' THEN
          savings_plan_savings_plan_effective_cost
          WHEN line_item_line_item_type = 'DiscountedUsage' THEN line_item_usage_amount
          ELSE NULL
        END
        """,
        "FOCUS CommitmentDiscountQuantity: money for a savings plan, units for a reservation",
    ),
    Rule(
        "CommitmentDiscountUnit",
        """
        CASE
          WHEN line_item_line_item_type = 'SavingsPlanCoveredUsage' THEN line_item_currency_code
          WHEN line_item_line_item_type = 'DiscountedUsage' THEN pricing_unit
          ELSE NULL
        END
        """,
        "FOCUS CommitmentDiscountUnit",
    ),
    Rule("CapacityReservationId", _NONE, "FOCUS CapacityReservationId; not in the legacy CUR"),
    Rule("CapacityReservationStatus", _NONE, "FOCUS CapacityReservationStatus; not in the legacy CUR"),
)

# --------------------------------------------------------------------------------------- pricing and quantity
PRICING = (
    Rule(
        "PricingCategory",
        """
        CASE
          WHEN line_item_line_item_type IN ('SavingsPlanCoveredUsage', 'DiscountedUsage') THEN 'Committed'
          WHEN line_item_line_item_type = 'Usage' AND line_item_usage_type LIKE '%SpotUsage%' THEN 'Dynamic'
          WHEN line_item_line_item_type = 'Usage' THEN 'Standard'
          ELSE NULL
        END
        """,
        "FOCUS PricingCategory; CUR lineItem/LineItemType, lineItem/UsageType",
    ),
    Rule(
        "PricingQuantity",
        "CASE WHEN line_item_line_item_type = 'Tax' THEN NULL ELSE line_item_usage_amount END",
        "FOCUS PricingQuantity, null for tax; CUR lineItem/UsageAmount",
    ),
    Rule(
        "PricingUnit",
        "CASE WHEN line_item_line_item_type = 'Tax' THEN NULL ELSE pricing_unit END",
        "FOCUS PricingUnit, null for tax; CUR pricing/unit",
    ),
    Rule(
        "ConsumedQuantity",
        f"CASE WHEN {_IS_USAGE} THEN line_item_usage_amount ELSE NULL END",
        "FOCUS ConsumedQuantity, for usage only; CUR lineItem/UsageAmount",
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
             THEN pricing_public_on_demand_rate ELSE NULL END
        """,
        "FOCUS ListUnitPrice, in the billing currency; CUR pricing/publicOnDemandRate",
    ),
    Rule(
        "ContractedUnitPrice",
        "COALESCE(line_item_net_unblended_rate, line_item_unblended_rate)",
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
    Rule("ResourceId", "line_item_resource_id", "FOCUS ResourceId; CUR lineItem/ResourceId"),
    Rule("ResourceName", "resource_tags_user_name", "FOCUS ResourceName; CUR resourceTags/user:Name"),
    Rule(
        "ResourceType",
        "CASE WHEN line_item_resource_id IS NOT NULL THEN product_product_family ELSE NULL END",
        "FOCUS ResourceType; CUR product/productFamily",
    ),
    Rule("Tags", "tags", "FOCUS Tags; CUR resourceTags/user:* without the prefix, others with theirs"),
    Rule("AllocatedMethodDetails", _NONE, "FOCUS 1.3; no split cost allocation in this row"),
    Rule("AllocatedMethodId", _NONE, "FOCUS 1.3; no split cost allocation in this row"),
    Rule("AllocatedResourceId", _NONE, "FOCUS 1.3; no split cost allocation in this row"),
    Rule("AllocatedResourceName", _NONE, "FOCUS 1.3; no split cost allocation in this row"),
    Rule("AllocatedTags", _NONE, "FOCUS 1.3; no split cost allocation in this row"),
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
)

RULES = (*COSTS, *ACCOUNTS, *CHARGE, *COMMITMENTS, *PRICING, *SERVICE, *EXTENSIONS)
