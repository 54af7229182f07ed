-- Snapshots that are there since the first bill.
WITH all_time AS (
  SELECT year, month, bill_billing_period_start_date AS billing_period, line_item_usage_account_id AS account, line_item_resource_id AS resource_id,
    sum(line_item_usage_amount) AS quantity, sum(line_item_unblended_cost) AS cost, sum(pricing_public_on_demand_cost) AS public_cost
  FROM cur WHERE bill_payer_account_id <> '' AND line_item_resource_id <> '' AND line_item_line_item_type LIKE '%Usage%' AND line_item_usage_type LIKE '%EBS:Snapshot%'
  GROUP BY 1, 2, 3, 4, 5
), request_dates AS (
  SELECT resource_id AS dated_resource, max(billing_period) AS current_period, min(billing_period) AS start_date FROM all_time GROUP BY 1
)
(
  SELECT billing_period, request_dates.current_period, request_dates.start_date, account, resource_id, sum(quantity) AS quantity, sum(cost) AS cost,
    sum((CASE WHEN (request_dates.start_date > (request_dates.current_period - INTERVAL '2' MONTH)) THEN cost ELSE 0 END)) "young_cost",
    sum((CASE WHEN (request_dates.start_date <= (request_dates.current_period - INTERVAL '2' MONTH)) THEN cost ELSE 0 END)) "old_cost"
  FROM all_time snapshot LEFT JOIN request_dates ON request_dates.dated_resource = snapshot.resource_id
  WHERE CAST(concat(snapshot.year, '-', snapshot.month, '-01') AS date) = (date_trunc('month', current_date) - INTERVAL '1' MONTH)
    AND request_dates.current_period = (date_trunc('month', current_date) - INTERVAL '0' MONTH)
  GROUP BY 1, 2, 3, 4, 5
)
