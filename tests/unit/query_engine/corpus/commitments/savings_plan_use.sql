-- How much of each savings plan was used.
SELECT split_part(savings_plan_savings_plan_a_r_n, '/', 2) AS plan, bill_payer_account_id, date_format((line_item_usage_start_date), '%Y-%m') AS usage_month,
  savings_plan_offering_type,
  sum(try_cast(savings_plan_total_commitment_to_date AS DECIMAL(16, 8))) AS committed,
  sum(try_cast(savings_plan_used_commitment AS DECIMAL(16, 8))) AS used,
  avg(CASE WHEN line_item_line_item_type = 'SavingsPlanRecurringFee' THEN try_cast(savings_plan_total_commitment_to_date AS DECIMAL(8, 2)) END) AS "Hourly Commitment",
  try_cast((sum(try_cast(savings_plan_used_commitment AS DECIMAL(16, 8))) / sum(try_cast(savings_plan_total_commitment_to_date AS DECIMAL(16, 8)))) AS DECIMAL(16, 8)) AS utilization
FROM cur
WHERE savings_plan_savings_plan_a_r_n <> '' AND line_item_line_item_type = 'SavingsPlanRecurringFee'
GROUP BY split_part(savings_plan_savings_plan_a_r_n, '/', 2), bill_payer_account_id, date_format((line_item_usage_start_date), '%Y-%m'), savings_plan_offering_type
ORDER BY utilization DESC, plan, usage_month;
