-- Cost categories as the provider has them.
SELECT x_CostCategories['cost_centre'] AS cost_centre, billing_period, sum(EffectiveCost) AS cost FROM charges GROUP BY 1, 2 ORDER BY 1, 2
