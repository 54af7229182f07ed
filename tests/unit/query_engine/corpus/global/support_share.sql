-- Support, against all that it is reckoned of.
WITH spend AS (
  SELECT billing_period, sum(line_item_unblended_cost) AS usage_cost FROM cur
  WHERE line_item_line_item_type = 'Usage' GROUP BY billing_period
), support AS (
  SELECT billing_period, sum(line_item_unblended_cost) AS support_cost FROM cur
  WHERE line_item_product_code LIKE 'AWSSupport%' AND line_item_line_item_type = 'Fee' GROUP BY billing_period
)
SELECT spend.billing_period, support_cost, usage_cost, round(100 * support_cost / usage_cost, 4) AS percent
FROM spend LEFT JOIN support ON spend.billing_period = support.billing_period
ORDER BY 1
