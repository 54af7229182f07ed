-- Months as columns.
SELECT ServiceName, sum(EffectiveCost) FILTER (WHERE billing_period = '2026-08') AS august, sum(EffectiveCost) FILTER (WHERE billing_period = '2026-09') AS september, sum(EffectiveCost) FILTER (WHERE billing_period = '2026-10') AS october FROM charges GROUP BY 1 ORDER BY 1
