-- Bytes that leave.
SELECT line_item_product_code, product_region, CASE WHEN line_item_usage_type LIKE '%Out-Bytes' THEN 'out' WHEN line_item_usage_type LIKE '%Regional-Bytes' THEN 'between zones' ELSE 'other' END AS direction,
  sum(line_item_usage_amount) / 1024 AS terabytes, sum(line_item_unblended_cost) AS cost
FROM cur WHERE product_product_family = 'Data Transfer' OR line_item_usage_type LIKE '%DataTransfer%' GROUP BY 1, 2, 3 ORDER BY cost DESC, 3
