-- Every account's share of the bill.
SELECT line_item_usage_account_id AS account,
  sum(line_item_unblended_cost) AS cost,
  sum(line_item_unblended_cost) / sum(sum(line_item_unblended_cost)) OVER () AS share
FROM cur WHERE billing_period = '2026-10' GROUP BY 1 ORDER BY 2 DESC
