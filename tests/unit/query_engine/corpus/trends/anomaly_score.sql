-- Days that are far from the usual.
WITH daily AS (SELECT line_item_product_code AS service, date(line_item_usage_start_date) AS day, CAST(sum(line_item_unblended_cost) AS double) AS cost FROM cur WHERE line_item_line_item_type = 'Usage' GROUP BY 1, 2),
usual AS (SELECT service, avg(cost) AS mean, stddev(cost) AS spread FROM daily GROUP BY 1)
SELECT d.day, d.service, d.cost, (d.cost - u.mean) / nullif(u.spread, 0) AS score FROM daily d JOIN usual u ON d.service = u.service
WHERE abs(d.cost - u.mean) > 3 * u.spread ORDER BY d.day, d.service
