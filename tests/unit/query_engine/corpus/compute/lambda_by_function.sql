-- Functions by what they cost.
SELECT line_item_usage_account_id, reverse(split_part(reverse(line_item_resource_id), ':', 1)) AS function_name,
  sum(CASE WHEN line_item_usage_type LIKE '%GB-Second%' THEN line_item_unblended_cost ELSE 0 END) AS duration_cost,
  sum(CASE WHEN line_item_usage_type LIKE '%Request%' THEN line_item_unblended_cost ELSE 0 END) AS request_cost
FROM cur WHERE line_item_product_code = 'AWSLambda' AND line_item_line_item_type = 'Usage' GROUP BY 1, 2 ORDER BY duration_cost DESC, 2
