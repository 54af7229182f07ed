-- Every day by service category, and the sum so far.
SELECT date(ChargePeriodStart) AS day, ServiceCategory, SUM(EffectiveCost) AS cost, SUM(SUM(EffectiveCost)) OVER (PARTITION BY ServiceCategory ORDER BY date(ChargePeriodStart)) AS so_far
FROM focus WHERE billing_period = '2026-11' AND ChargeCategory = 'Usage' GROUP BY 1, 2 ORDER BY 1, 2
