-- Which hour costs what.
SELECT hour(line_item_usage_start_date) AS h, count(*) AS line_items, greatest(sum(line_item_unblended_cost), 0) AS cost FROM cur GROUP BY 1 ORDER BY 1
