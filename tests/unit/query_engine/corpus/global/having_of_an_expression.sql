-- Usage types that make more than a hundredth of the bill.
SELECT line_item_usage_type, sum(line_item_unblended_cost) AS cost FROM cur WHERE line_item_line_item_type = 'Usage'
GROUP BY line_item_usage_type HAVING sum(line_item_unblended_cost) > 0.01 * (SELECT sum(line_item_unblended_cost) FROM cur WHERE line_item_line_item_type = 'Usage') ORDER BY cost DESC
