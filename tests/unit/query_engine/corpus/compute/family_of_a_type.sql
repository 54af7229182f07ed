-- The family is what stands in front of the dot.
SELECT split_part(product_instance_type, '.', 1) AS family, split_part(product_instance_type, '.', 2) AS size, sum(line_item_usage_amount) AS hours
FROM cur WHERE product_instance_type IS NOT NULL AND line_item_product_code = 'AmazonEC2' GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2
