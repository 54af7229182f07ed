-- Databases by instance and how they are paid.
SELECT line_item_usage_account_id, split_part(line_item_resource_id, ':', 7) AS db, product_instance_type, product_database_engine,
  CASE WHEN line_item_line_item_type = 'DiscountedUsage' THEN 'Reserved' ELSE 'On Demand' END AS paid_as,
  sum(CASE WHEN line_item_line_item_type = 'DiscountedUsage' THEN reservation_effective_cost ELSE line_item_unblended_cost END) AS cost
FROM cur WHERE line_item_product_code = 'AmazonRDS' AND product_product_family IN ('Database Instance', 'Database Storage') AND line_item_line_item_type IN ('Usage', 'DiscountedUsage')
GROUP BY 1, 2, 3, 4, 5 ORDER BY cost DESC, db, paid_as, product_instance_type
