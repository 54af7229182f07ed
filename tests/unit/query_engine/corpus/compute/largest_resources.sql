-- The dearest resources a month, three of each service.
SELECT * FROM (
  SELECT billing_period, line_item_product_code, line_item_resource_id, sum(line_item_unblended_cost) AS cost,
    row_number() OVER (PARTITION BY billing_period, line_item_product_code ORDER BY sum(line_item_unblended_cost) DESC, line_item_resource_id) AS place
  FROM cur WHERE line_item_resource_id <> '' AND line_item_line_item_type = 'Usage' GROUP BY billing_period, line_item_product_code, line_item_resource_id
) ranked WHERE place <= 3 ORDER BY billing_period, line_item_product_code, place
