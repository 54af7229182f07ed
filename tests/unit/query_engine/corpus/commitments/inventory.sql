-- An inventory of savings plans, whole percents.
SELECT
  SPLIT_PART(savings_plan_savings_plan_a_r_n, '/', 2) AS plan,
  DATE_FORMAT((line_item_usage_start_date),'%Y-%m') AS usage_month,
  CASE
    savings_plan_offering_type
    WHEN 'EC2InstanceSavingsPlans' THEN 'EC2 Instance Savings Plans'
    WHEN 'ComputeSavingsPlans' THEN 'Compute Savings Plans'
    ELSE savings_plan_offering_type
  END AS "Type",
  DATE_FORMAT(from_iso8601_timestamp(savings_plan_start_time), '%Y-%m-%d') AS "Start Date",
  savings_plan_payment_option AS "savings_plan_payment_option",
  SUM(TRY_CAST(savings_plan_recurring_commitment_for_billing_period AS decimal(16, 8))) AS "Monthly Fee",
  avg(case when line_item_line_item_type = 'SavingsPlanRecurringFee' then TRY_CAST(savings_plan_total_commitment_to_date as decimal(8, 2)) end) as "Hourly Commitment",
  TRY_CAST(((SUM(TRY_CAST(savings_plan_used_commitment AS decimal(16, 8))) / SUM(TRY_CAST(savings_plan_total_commitment_to_date AS decimal(16, 8)))) * 100) AS decimal(3, 0)) AS "Utilization (%)"
FROM cur
WHERE year = '2026' AND (month BETWEEN '8' AND '9' OR month = '10')
  AND savings_plan_savings_plan_a_r_n <> '' AND line_item_line_item_type = 'SavingsPlanRecurringFee'
GROUP BY savings_plan_savings_plan_a_r_n, 2, savings_plan_offering_type, savings_plan_start_time, savings_plan_payment_option
ORDER BY plan, usage_month;
