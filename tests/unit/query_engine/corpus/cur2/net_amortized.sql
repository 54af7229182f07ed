-- Net amortised cost of an account.
SELECT line_item_usage_account_id, sum(CASE
    WHEN line_item_line_item_type = 'SavingsPlanCoveredUsage' THEN savings_plan_net_savings_plan_effective_cost
    WHEN line_item_line_item_type = 'SavingsPlanRecurringFee' THEN (savings_plan_total_commitment_to_date - savings_plan_used_commitment) * (savings_plan_net_recurring_commitment_for_billing_period / nullif(savings_plan_recurring_commitment_for_billing_period, 0))
    WHEN line_item_line_item_type IN ('SavingsPlanNegation', 'SavingsPlanUpfrontFee') THEN 0
    WHEN line_item_line_item_type = 'DiscountedUsage' THEN reservation_net_effective_cost
    WHEN line_item_line_item_type = 'RIFee' THEN reservation_net_unused_amortized_upfront_fee_for_billing_period + reservation_net_unused_recurring_fee
    ELSE coalesce(line_item_net_unblended_cost, line_item_unblended_cost) END) AS net_amortized
FROM cur2 WHERE billing_period = '2026-09' GROUP BY 1 ORDER BY 1
