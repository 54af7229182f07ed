SELECT month, count(*) AS line_items, sum(line_item_unblended_cost) AS unblended
FROM cur WHERE year = '2026' AND month IN ('8', '9', '10') GROUP BY month ORDER BY month
