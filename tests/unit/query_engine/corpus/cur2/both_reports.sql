-- Whether the two reports say the same.
SELECT a.billing_period, a.cost AS legacy, b.cost AS cur2, a.cost - b.cost AS difference
FROM (SELECT billing_period, sum(line_item_unblended_cost) AS cost FROM cur GROUP BY 1) a
JOIN (SELECT billing_period, sum(line_item_unblended_cost) AS cost FROM cur2 GROUP BY 1) b USING (billing_period) ORDER BY 1
