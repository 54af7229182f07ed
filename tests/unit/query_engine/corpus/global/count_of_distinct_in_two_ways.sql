-- DISTINCT before a group and inside an aggregate.
SELECT DISTINCT line_item_usage_account_id, count(DISTINCT line_item_product_code) AS products, approx_distinct(line_item_resource_id) AS resources FROM cur GROUP BY 1
