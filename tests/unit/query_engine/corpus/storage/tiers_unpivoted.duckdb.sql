WITH t AS (SELECT billing_period, sum(line_item_unblended_cost) FILTER (WHERE line_item_usage_type LIKE '%TimedStorage%') AS kept, sum(line_item_unblended_cost) FILTER (WHERE line_item_usage_type LIKE '%Requests%') AS asked
  FROM cur WHERE line_item_product_code = 'AmazonS3' GROUP BY 1)
SELECT billing_period, 'kept' AS what, kept AS cost FROM t UNION ALL SELECT billing_period, 'asked', asked FROM t ORDER BY 1, 2
