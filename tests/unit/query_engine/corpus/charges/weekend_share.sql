-- What weekends cost.
SELECT CASE WHEN day_of_week(ChargePeriodStart) IN (6, 7) THEN 'weekend' ELSE 'week' END AS part, count(DISTINCT date(ChargePeriodStart)) AS days, sum(EffectiveCost) AS cost FROM charges WHERE ChargeCategory = 'Usage' GROUP BY 1 ORDER BY 1
