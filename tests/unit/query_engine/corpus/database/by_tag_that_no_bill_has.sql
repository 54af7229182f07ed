-- A tag that the company never activated.
SELECT date_format(line_item_usage_start_date, '%Y-%m') AS usage_month, line_item_usage_type, resource_tags_user_cost_center, sum(line_item_unblended_cost) AS cost
FROM cur WHERE line_item_product_code = 'AmazonRDS' GROUP BY 1, 2, 3 ORDER BY 1, 4 DESC, 2
