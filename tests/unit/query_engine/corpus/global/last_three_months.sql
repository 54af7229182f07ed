-- Amortised cost over the last three months as dashboards compute it.
SELECT
  bill_billing_period_start_date AS billing_period,
  CASE WHEN date_trunc('month', line_item_usage_start_date) >= date_trunc('month', current_timestamp) - INTERVAL '1' MONTH
       THEN date_trunc('day', line_item_usage_start_date)
       ELSE date_trunc('month', line_item_usage_start_date) END AS usage_date,
  line_item_usage_account_id AS linked_account_id,
  CASE WHEN savings_plan_savings_plan_a_r_n <> '' THEN 'SavingsPlan'
       WHEN reservation_reservation_a_r_n <> '' THEN 'Reserved'
       WHEN line_item_usage_type LIKE '%Spot%' THEN 'Spot'
       ELSE 'OnDemand' END AS purchase_option,
  sum(CASE
    WHEN line_item_line_item_type = 'SavingsPlanCoveredUsage' THEN savings_plan_savings_plan_effective_cost
    WHEN line_item_line_item_type = 'SavingsPlanRecurringFee' THEN savings_plan_total_commitment_to_date - savings_plan_used_commitment
    WHEN line_item_line_item_type IN ('SavingsPlanNegation', 'SavingsPlanUpfrontFee') THEN 0
    WHEN line_item_line_item_type = 'DiscountedUsage' THEN reservation_effective_cost
    WHEN line_item_line_item_type = 'RIFee' THEN reservation_unused_amortized_upfront_fee_for_billing_period + reservation_unused_recurring_fee
    WHEN line_item_line_item_type = 'Fee' AND reservation_reservation_a_r_n <> '' THEN 0
    ELSE line_item_unblended_cost END) AS amortized_cost
FROM cur
WHERE bill_billing_period_start_date >= date_trunc('month', current_timestamp) - INTERVAL '3' MONTH
  AND CAST(concat(year, '-', month, '-01') AS date) >= date_trunc('month', current_date) - INTERVAL '3' MONTH
GROUP BY 1, 2, 3, 4
ORDER BY 1, 2, 3, 4
