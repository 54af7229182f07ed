-- Tasks by cluster, with the split costs as decimals; the columns are held against '' as where they are text.
SELECT line_item_usage_account_id, split_part(line_item_resource_id, ':', 6) AS task, strftime(line_item_usage_start_date, '%Y-%m') AS usage_month, line_item_operation,
  split_line_item_parent_resource_id, sum(CAST(split_line_item_split_usage AS DECIMAL(16, 8))) AS split_usage, sum(CAST(split_line_item_split_cost AS DECIMAL(16, 8))) AS split_cost,
  sum(CAST(split_line_item_unused_cost AS DECIMAL(16, 8))) unused_cost
FROM cur WHERE line_item_product_code IN ('AmazonECS') AND line_item_operation LIKE 'ECSTask%'
  AND split_line_item_split_usage IS NOT NULL AND split_line_item_split_cost IS NOT NULL AND split_line_item_unused_cost IS NOT NULL
GROUP BY 1, 2, 3, 4, 5 ORDER BY usage_month ASC, unused_cost DESC, task
