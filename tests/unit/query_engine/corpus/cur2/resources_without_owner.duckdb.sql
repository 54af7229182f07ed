-- Resources that have no tag at all.
SELECT line_item_product_code, line_item_resource_id, sum(line_item_unblended_cost) AS cost FROM cur2
WHERE cardinality(resource_tags) = 0 AND line_item_resource_id <> '' AND line_item_line_item_type = 'Usage' GROUP BY 1, 2 HAVING sum(line_item_unblended_cost) > 0 ORDER BY 3 DESC, 2 LIMIT 20
