-- The mean day of a database.
SELECT db, avg(cost) AS mean, max(cost) AS most, max_by(day, cost + date_diff('day', date '2026-01-01', day) / 1000000.0) AS dearest_day FROM (
  SELECT split_part(line_item_resource_id, ':', 7) AS db, date(line_item_usage_start_date) AS day, sum(coalesce(reservation_effective_cost, line_item_unblended_cost)) AS cost
  FROM cur WHERE line_item_product_code = 'AmazonRDS' AND line_item_resource_id <> '' GROUP BY 1, 2) t GROUP BY 1 HAVING count(DISTINCT cost) = count(*) OR max(cost) > 0 ORDER BY mean DESC, 1
