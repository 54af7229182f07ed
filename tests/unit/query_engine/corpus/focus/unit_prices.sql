-- Units and prices of what is used most.
SELECT SkuId, SkuPriceId, PricingUnit, MIN(ListUnitPrice) AS cheapest, MAX(ListUnitPrice) AS dearest, SUM(PricingQuantity) AS quantity
FROM focus WHERE ChargeCategory = 'Usage' AND SkuPriceId IS NOT NULL GROUP BY 1, 2, 3 ORDER BY quantity DESC, 2 LIMIT 15
