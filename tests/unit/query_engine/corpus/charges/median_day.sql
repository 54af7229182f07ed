-- The median and the 90th percentile of a day.
SELECT ServiceCategory, approx_percentile(CAST(cost AS double), 0.5) AS median, max(cost) AS most FROM (SELECT ServiceCategory, date(ChargePeriodStart) AS day, sum(EffectiveCost) AS cost FROM charges WHERE ChargeCategory = 'Usage' GROUP BY 1, 2) d GROUP BY 1 ORDER BY 1
