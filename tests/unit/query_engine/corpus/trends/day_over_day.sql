-- Each day against the day before.
WITH daily AS (SELECT date(line_item_usage_start_date) AS day, line_item_product_code AS service, sum(line_item_unblended_cost) AS cost FROM cur WHERE line_item_line_item_type = 'Usage' GROUP BY 1, 2)
SELECT day, service, cost, lag(cost) OVER (PARTITION BY service ORDER BY day) AS before,
  cost - lag(cost, 1, 0) OVER (PARTITION BY service ORDER BY day) AS delta
FROM daily WHERE day >= current_date - INTERVAL '14' DAY AND day < current_date ORDER BY day, service
