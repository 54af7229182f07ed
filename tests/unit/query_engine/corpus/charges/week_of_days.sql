-- This week and the week before, side by side.
SELECT ServiceName, sum(IF(ChargePeriodStart >= current_date - INTERVAL '7' DAY, EffectiveCost, 0)) AS this_week, sum(IF(ChargePeriodStart < current_date - INTERVAL '7' DAY, EffectiveCost, 0)) AS before
FROM charges WHERE ChargePeriodStart >= current_date - INTERVAL '14' DAY AND ChargePeriodStart < current_date GROUP BY 1 ORDER BY this_week DESC, 1
