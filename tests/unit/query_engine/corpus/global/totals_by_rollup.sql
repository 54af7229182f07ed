-- Period, then service, then all.
SELECT billing_period, line_item_product_code, grouping(billing_period, line_item_product_code) AS level, sum(line_item_unblended_cost) AS cost
FROM cur GROUP BY ROLLUP (billing_period, line_item_product_code) ORDER BY 3, 1, 2
