-- Cost centres out of the map of cost categories.
SELECT coalesce(cost_category['cost_centre'], 'none') AS cost_centre, line_item_usage_account_name, sum(line_item_net_unblended_cost) AS net
FROM cur2 WHERE bill_billing_period_start_date = timestamp '2026-10-01 00:00:00' GROUP BY 1, 2 ORDER BY net DESC, 1, 2
