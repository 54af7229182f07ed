-- What each service costs.
SELECT ServiceName, sum(BilledCost) AS billed, sum(EffectiveCost) AS effective FROM charges WHERE billing_period = '2026-10' GROUP BY ServiceName ORDER BY billed DESC
