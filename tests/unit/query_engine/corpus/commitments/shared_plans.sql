-- Accounts that use a plan which another account bought.
SELECT date_format(line_item_usage_start_date, '%Y-%m') AS usage_month, line_item_usage_account_id, line_item_resource_id,
  sum(CAST(line_item_unblended_cost AS DECIMAL(16, 8))) AS unblended, sum(CAST(savings_plan_savings_plan_effective_cost AS DECIMAL(16, 8))) AS effective
FROM cur WHERE line_item_line_item_type = 'SavingsPlanCoveredUsage' AND savings_plan_savings_plan_a_r_n NOT LIKE '%244071367498%'
  AND line_item_usage_account_id = '244071367498'
GROUP BY date_format(line_item_usage_start_date, '%Y-%m'), line_item_usage_account_id, line_item_resource_id
ORDER BY effective DESC, usage_month, line_item_resource_id
