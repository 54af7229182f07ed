-- One column for each kind of line item.
SELECT line_item_usage_account_id,
  sum(CASE WHEN line_item_line_item_type = 'Usage' THEN line_item_unblended_cost ELSE 0 END) AS usage_cost,
  sum(CASE WHEN line_item_line_item_type = 'Tax' THEN line_item_unblended_cost ELSE 0 END) AS tax,
  sum(CASE WHEN line_item_line_item_type = 'Credit' THEN line_item_unblended_cost ELSE 0 END) AS credit,
  sum(CASE WHEN line_item_line_item_type LIKE '%Discount' THEN line_item_unblended_cost ELSE 0 END) AS discount,
  sum(line_item_unblended_cost) AS total
FROM cur GROUP BY 1 HAVING sum(line_item_unblended_cost) <> 0 ORDER BY total DESC
