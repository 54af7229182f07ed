-- Gateways, hours and bytes side by side.
SELECT line_item_resource_id, sum(IF(line_item_usage_type LIKE '%NatGateway-Hours', line_item_unblended_cost, 0)) AS hours_cost,
  sum(IF(line_item_usage_type LIKE '%NatGateway-Bytes', line_item_unblended_cost, 0)) AS bytes_cost,
  sum(IF(line_item_usage_type LIKE '%NatGateway-Bytes', line_item_usage_amount)) AS gigabytes
FROM cur WHERE line_item_usage_type LIKE '%NatGateway%' GROUP BY 1 ORDER BY 2 DESC, 1
