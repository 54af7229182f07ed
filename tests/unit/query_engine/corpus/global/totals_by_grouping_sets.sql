-- Totals by account, by service, and of all.
SELECT line_item_usage_account_id, line_item_product_code, sum(line_item_unblended_cost) AS cost
FROM cur WHERE month = '9'
GROUP BY GROUPING SETS ((line_item_usage_account_id, line_item_product_code), (line_item_usage_account_id), ())
ORDER BY 1, 2
