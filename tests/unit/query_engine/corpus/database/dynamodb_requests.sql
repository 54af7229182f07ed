-- Requests in millions.
SELECT billing_period, CASE WHEN line_item_usage_type LIKE '%ReadRequest%' THEN 'reads' WHEN line_item_usage_type LIKE '%WriteRequest%' THEN 'writes' ELSE 'other' END AS kind,
  round(sum(line_item_usage_amount) / 1000000, 3) AS millions, sum(line_item_unblended_cost) AS cost
FROM cur WHERE line_item_product_code = 'AmazonDynamoDB' AND line_item_line_item_type = 'Usage' GROUP BY 1, 2 ORDER BY 1, 2
