-- Cost centres, and one that was never set up.
SELECT cost_category_cost_centre, cost_category_business_unit, sum(line_item_unblended_cost) AS cost FROM cur GROUP BY 1, 2 ORDER BY 3 DESC
