-- When a bucket was last asked for anything.
WITH usage_all_time AS (
  SELECT line_item_resource_id AS resource_id, line_item_usage_start_date AS usage_start, line_item_operation AS operation, pricing_unit, sum(line_item_usage_amount) AS quantity
  FROM cur WHERE line_item_product_code = 'AmazonS3' AND line_item_resource_id <> '' GROUP BY 1, 2, 3, 4
), recent AS (
  SELECT DISTINCT resource_id, max(usage_start) AS last_request FROM usage_all_time
  WHERE quantity > 0 AND operation IN ('PutObject', 'GetObject', 'CopyObject') AND pricing_unit = 'Requests' GROUP BY 1
)
SELECT u.resource_id, r.last_request, CASE WHEN r.last_request >= (date_trunc('month', max(u.usage_start)) - INTERVAL '2' MONTH) THEN 'No Action' ELSE 'Potential Action' END AS advice
FROM usage_all_time u LEFT JOIN recent r ON r.resource_id = u.resource_id GROUP BY 1, 2 ORDER BY 1
