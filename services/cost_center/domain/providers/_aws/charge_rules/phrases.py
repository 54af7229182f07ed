"""Phrases of SQL that several rules are made of."""

PLAN_UNUSED = "(savings_plan_total_commitment_to_date - savings_plan_used_commitment)"
LEASE_UNUSED = """
    (COALESCE(reservation_net_unused_amortized_upfront_fee_for_billing_period,
              reservation_unused_amortized_upfront_fee_for_billing_period, 0)
     + COALESCE(reservation_net_unused_recurring_fee, reservation_unused_recurring_fee, 0))
"""

BILLED = "COALESCE(line_item_net_unblended_cost, line_item_unblended_cost)"
# A discount that has a line of its own; where the report has net costs, 0 is left of it there.
IS_DISCOUNT = "line_item_line_item_type LIKE '%Discount'"
BUNDLE = "COALESCE(discount_bundled_discount, CAST(bundled_discount_in_map AS DECIMAL(38, 18)), 0)"
"""What a bundled discount takes off the line's net cost: AWS writes it below 0."""
BEFORE_BUNDLE = f"""
    CASE WHEN line_item_net_unblended_cost IS NULL OR {BUNDLE} = 0 THEN {BILLED}
         WHEN line_item_unblended_cost < 0 THEN {BILLED} - ABS({BUNDLE})
         ELSE {BILLED} + ABS({BUNDLE}) END
"""
SP_ARN = "COALESCE(NULLIF(savings_plan_savings_plan_a_r_n, ''), NULLIF(savings_plan_savings_plan_arn, ''))"
RI_ARN = "COALESCE(NULLIF(reservation_reservation_a_r_n, ''), NULLIF(reservation_reservation_arn, ''))"
ARN = f"COALESCE({SP_ARN}, {RI_ARN})"
REGION = "COALESCE(product_region_code, product_region)"
IS_USAGE = (
    "line_item_line_item_type IN"
    " ('Usage', 'DiscountedUsage', 'SavingsPlanCoveredUsage', 'SavingsPlanNegation')"
)
IS_PURCHASE = (
    "line_item_line_item_type IN ('Fee', 'RIFee', 'SavingsPlanRecurringFee', 'SavingsPlanUpfrontFee')"
)
IS_COMMITMENT = f"({IS_PURCHASE} AND {ARN} IS NOT NULL)"
"""A row that is of a commitment itself: bought, or lost."""
# Split cost allocation: rows of containers that repeat what their instance costs. They cost nothing.
IS_SPLIT = "COALESCE(split_line_item_parent_resource_id, '') <> ''"
NORMALIZED = "NULLIF(line_item_normalized_usage_amount, 0)"
NONE = "CAST(NULL AS VARCHAR)"
NO_NUMBER = "CAST(NULL AS DECIMAL(38, 18))"
