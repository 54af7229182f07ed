-- Addresses that nothing uses.
SELECT line_item_usage_account_id, line_item_resource_id, date_diff('day', min(line_item_usage_start_date), max(line_item_usage_end_date)) AS days, sum(line_item_unblended_cost) AS cost
FROM cur WHERE line_item_usage_type LIKE '%IdleAddress%' GROUP BY 1, 2 ORDER BY cost DESC, 2
