-- The effective savings rate.
SELECT ProviderName, ServiceName, SUM(ListCost) AS list, SUM(EffectiveCost) AS effective, (1 - SUM(EffectiveCost) / NULLIF(SUM(ListCost), 0)) * 100 AS esr
FROM focus WHERE ChargeCategory = 'Usage' GROUP BY 1, 2 HAVING SUM(ListCost) > 0 ORDER BY ServiceName
