-- What changed most between two days, whether it is new or gone.
SELECT coalesce(a.account, b.account) AS account, coalesce(a.resource, b.resource) AS resource, a.cost AS cost_before, b.cost AS cost_after,
  b.cost - a.cost AS delta, (b.cost - a.cost) / a.cost * 100 AS percent
FROM (
  (SELECT DISTINCT "line_item_resource_id" AS resource, line_item_usage_account_id AS account, date_format(line_item_usage_start_date, '%Y-%m-%d') AS usage_date,
     sum(line_item_unblended_cost) AS cost
   FROM cur WHERE "line_item_resource_id" <> '' AND line_item_unblended_cost > 0 AND "line_item_usage_start_date" = current_date - INTERVAL '3' DAY
   GROUP BY 1, 2, 3) a
  FULL OUTER JOIN
  (SELECT DISTINCT "line_item_resource_id" AS resource, line_item_usage_account_id AS account, date_format(line_item_usage_start_date, '%Y-%m-%d') AS usage_date,
     sum(line_item_unblended_cost) AS cost
   FROM cur WHERE "line_item_resource_id" <> '' AND line_item_unblended_cost > 0 AND "line_item_usage_start_date" = current_date - INTERVAL '2' DAY
   GROUP BY 1, 2, 3) b
  ON a.resource = b.resource AND a.account = b.account
)
ORDER BY 5 DESC, 6 DESC, 2 LIMIT 50
