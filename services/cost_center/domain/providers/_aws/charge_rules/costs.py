"""What a line item costs, in FOCUS's four ways."""

from services.cost_center.domain.charges import Rule
from services.cost_center.domain.providers._aws.charge_rules.phrases import (
    BEFORE_BUNDLE,
    BILLED,
    IS_DISCOUNT,
    IS_PURCHASE,
    IS_SPLIT,
    LEASE_UNUSED,
    NO_NUMBER,
    PLAN_UNUSED,
    RI_ARN,
)

COSTS = (
    Rule(
        "BilledCost",
        f"CASE WHEN unused_part THEN 0 WHEN netted THEN netting_residual ELSE {BILLED} END",
        "FOCUS BilledCost; CUR lineItem/NetUnblendedCost, else UnblendedCost, net of SavingsPlanNegation",
    ),
    Rule(
        "EffectiveCost",
        f"""
        CASE
          WHEN unused_part AND line_item_line_item_type = 'RIFee' THEN {LEASE_UNUSED}
          WHEN unused_part THEN COALESCE(net_plan_unused, {PLAN_UNUSED})
          WHEN line_item_line_item_type = 'SavingsPlanCoveredUsage' THEN COALESCE(
            savings_plan_net_savings_plan_effective_cost, savings_plan_savings_plan_effective_cost, {BILLED})
          WHEN line_item_line_item_type = 'SavingsPlanRecurringFee' AND {PLAN_UNUSED} IS NULL THEN {BILLED}
          WHEN line_item_line_item_type IN (
            'SavingsPlanNegation', 'SavingsPlanUpfrontFee', 'SavingsPlanRecurringFee', 'RIFee') THEN 0
          WHEN line_item_line_item_type = 'DiscountedUsage' THEN COALESCE(
            reservation_net_effective_cost, reservation_effective_cost, {BILLED})
          WHEN line_item_line_item_type = 'Fee' AND {RI_ARN} IS NOT NULL THEN 0
          ELSE {BILLED}
        END
        """,
        "FOCUS EffectiveCost; CUR SavingsPlanEffectiveCost, reservation/EffectiveCost and unused fees; a"
        " purchase for later has none, where the bill says what became of it",
    ),
    Rule(
        "ListCost",
        f"""
        CASE
          WHEN unused_part OR line_item_line_item_type = 'SavingsPlanNegation' OR {IS_DISCOUNT} THEN 0
          WHEN {IS_SPLIT} THEN line_item_unblended_cost
          WHEN {IS_PURCHASE} THEN COALESCE(
            pricing_public_on_demand_cost, list_rate_times_usage, line_item_unblended_cost)
          ELSE COALESCE(pricing_public_on_demand_cost, list_rate_times_usage, {BILLED})
        END
        """,
        "FOCUS ListCost; CUR pricing/publicOnDemandCost, else publicOnDemandRate x lineItem/UsageAmount; a"
        " discount's own line has none, for the list price is before every discount",
    ),
    Rule(
        "ContractedCost",
        f"""
        CASE
          WHEN unused_part OR line_item_line_item_type IN ('SavingsPlanNegation', 'BundledDiscount') THEN 0
          WHEN line_item_line_item_type = 'DiscountedUsage' THEN COALESCE(
            reserved_contracted, pricing_public_on_demand_cost, list_rate_times_usage, {BILLED})
          ELSE {BEFORE_BUNDLE}
        END
        """,
        "FOCUS ContractedCost (after negotiated discounts, before commitments and any other discount); CUR"
        " lineItem/NetUnblendedCost without discount/BundledDiscount, which nobody negotiated; a private"
        " rate, an enterprise's and a partner's discount are in it, on the line or as lines of their own; of"
        " reserved usage the on-demand cost, after reservation/NetEffectiveCost over EffectiveCost",
    ),
    Rule("BillingCurrency", "line_item_currency_code", "FOCUS BillingCurrency; CUR lineItem/CurrencyCode"),
    Rule("PricingCurrency", "pricing_currency", "FOCUS PricingCurrency; CUR pricing/currency"),
    Rule(
        "PricingCurrencyContractedUnitPrice",
        NO_NUMBER,
        "FOCUS; CUR has no contracted price in another currency",
    ),
    Rule("PricingCurrencyEffectiveCost", NO_NUMBER, "FOCUS; CUR has no cost in another currency"),
    Rule(
        "PricingCurrencyListUnitPrice",
        "pricing_public_on_demand_rate",
        "FOCUS PricingCurrencyListUnitPrice; CUR pricing/publicOnDemandRate is in pricing/currency",
    ),
)
