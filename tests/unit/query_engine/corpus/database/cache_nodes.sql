-- Cache nodes.
SELECT line_item_resource_id, element_at(split(line_item_usage_type, ':'), 2) AS node, line_item_operation, sum(line_item_usage_amount) AS hours, sum(reservation_effective_cost) AS effective
FROM cur WHERE line_item_product_code = 'AmazonElastiCache' AND line_item_line_item_type <> 'Tax' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
