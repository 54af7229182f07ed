-- Bytes kept, by class.
SELECT billing_period, CASE WHEN line_item_usage_type LIKE '%SIA%' THEN 'Infrequent Access' WHEN line_item_usage_type LIKE '%Glacier%' THEN 'Archive' ELSE 'Standard' END AS class,
  sum(line_item_usage_amount) AS gb_months, sum(line_item_unblended_cost) AS cost,
  sum(line_item_unblended_cost) / nullif(sum(line_item_usage_amount), 0) AS unit_cost
FROM cur WHERE line_item_product_code = 'AmazonS3' AND line_item_usage_type LIKE '%TimedStorage%' AND pricing_unit = 'GB-Mo' GROUP BY 1, 2 ORDER BY 1, 2
