-- Spend by how it is priced.
SELECT COALESCE(PricingCategory, 'none') AS pricing, ServiceCategory, SUM(EffectiveCost) AS cost, SUM(PricingQuantity) AS quantity FROM focus GROUP BY 1, 2 ORDER BY 1, 2
