-- The month as a person writes it, not as AWS's partitions do.
SELECT month, count(*) AS line_items, sum(line_item_unblended_cost) AS unblended
FROM cur WHERE year = '2026' AND month IN ('08', '09', '10') GROUP BY month ORDER BY month
