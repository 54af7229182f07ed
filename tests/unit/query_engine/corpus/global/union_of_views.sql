-- One list of costs by kind.
SELECT 'usage' AS kind, sum(line_item_unblended_cost) AS cost FROM cur WHERE line_item_line_item_type = 'Usage'
UNION ALL SELECT 'tax', sum(line_item_unblended_cost) FROM cur WHERE line_item_line_item_type = 'Tax'
UNION ALL SELECT 'discount', sum(line_item_unblended_cost) FROM cur WHERE line_item_line_item_type LIKE '%Discount'
ORDER BY 1
