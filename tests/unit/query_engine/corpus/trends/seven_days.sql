-- Average of seven days.
SELECT day, cost, avg(cost) OVER (ORDER BY day ROWS BETWEEN 6 PRECEDING AND CURRENT ROW) AS week FROM (
  SELECT date_trunc('day', line_item_usage_start_date) AS day, sum(line_item_unblended_cost) AS cost FROM cur WHERE line_item_line_item_type <> 'Tax' GROUP BY 1) t ORDER BY day
