-- Coverage: how much of the compute that could be covered is.
SELECT date_trunc('week', line_item_usage_start_date) AS week,
  sum(line_item_unblended_cost) FILTER (WHERE line_item_line_item_type = 'Usage') AS on_demand,
  sum(savings_plan_savings_plan_effective_cost) FILTER (WHERE line_item_line_item_type = 'SavingsPlanCoveredUsage') AS covered,
  count_if(line_item_line_item_type = 'SavingsPlanCoveredUsage') AS covered_lines
FROM cur WHERE line_item_usage_type LIKE '%BoxUsage%' GROUP BY 1 ORDER BY 1
