-- Load balancers that are paid by the hour and pass nothing on.
WITH hours AS (
  SELECT line_item_resource_id AS arn, sum(line_item_unblended_cost) AS cost FROM cur
  WHERE line_item_product_code = 'AWSELB' AND line_item_usage_type LIKE '%LoadBalancerUsage%' GROUP BY 1
), work AS (
  SELECT line_item_resource_id AS arn, sum(line_item_usage_amount) AS lcu FROM cur
  WHERE line_item_product_code = 'AWSELB' AND line_item_usage_type LIKE '%LCUUsage%' GROUP BY 1
)
SELECT split_part(hours.arn, '/', 2) AS kind, hours.arn, cost, coalesce(lcu, 0) AS lcu
FROM hours LEFT JOIN work ON hours.arn = work.arn WHERE coalesce(lcu, 0) < 2000 ORDER BY cost DESC, hours.arn
