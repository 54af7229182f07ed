-- The share of a node that no pod asked for.
SELECT split_line_item_parent_resource_id AS node, sum(split_line_item_unused_cost) / nullif(sum(split_line_item_split_cost) + sum(split_line_item_unused_cost), 0) AS idle
FROM cur WHERE split_line_item_parent_resource_id IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1
