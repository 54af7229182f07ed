-- Columns turned to rows.
WITH t AS (SELECT billing_period, sum(line_item_unblended_cost) FILTER (WHERE line_item_usage_type LIKE '%TimedStorage%') AS kept, sum(line_item_unblended_cost) FILTER (WHERE line_item_usage_type LIKE '%Requests%') AS asked
  FROM cur WHERE line_item_product_code = 'AmazonS3' GROUP BY 1)
SELECT billing_period, what, cost FROM t CROSS JOIN UNNEST(ARRAY['kept', 'asked'], ARRAY[kept, asked]) AS u (what, cost) ORDER BY 1, 2
