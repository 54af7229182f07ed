-- The day on which each service cost most.
SELECT ServiceName, max_by(day, cost - date_diff('day', date '2026-01-01', day) / 1000000.0) AS day, max(cost) AS cost FROM (SELECT ServiceName, date(ChargePeriodStart) AS day, sum(EffectiveCost) AS cost FROM charges WHERE ChargeCategory = 'Usage' GROUP BY 1, 2) d GROUP BY 1 HAVING max(cost) > 1 ORDER BY 1
