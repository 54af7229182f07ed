-- What a plan saved against list prices.
SELECT billing_period, savings_plan_savings_plan_a_r_n AS plan, sum(pricing_public_on_demand_cost) AS on_demand, sum(savings_plan_savings_plan_effective_cost) AS effective,
  sum(pricing_public_on_demand_cost) - sum(savings_plan_savings_plan_effective_cost) AS saved,
  1 - sum(savings_plan_savings_plan_effective_cost) / nullif(sum(pricing_public_on_demand_cost), 0) AS rate
FROM cur WHERE line_item_line_item_type = 'SavingsPlanCoveredUsage' GROUP BY 1, 2 ORDER BY 1, 2
