-- Resources that were not there a month ago.
SELECT ResourceId, min(ChargePeriodStart) AS first_seen, sum(EffectiveCost) AS cost FROM charges WHERE ResourceId IS NOT NULL GROUP BY 1
HAVING min(ChargePeriodStart) >= date_trunc('month', current_date) ORDER BY cost DESC, 1
