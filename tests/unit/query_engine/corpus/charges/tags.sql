-- Spend by team and environment, missing tags called so.
SELECT coalesce(Tags['team'], 'untagged') AS team, coalesce(element_at(Tags, 'env'), 'none') AS env, sum(EffectiveCost) AS cost FROM charges WHERE ChargeCategory = 'Usage' GROUP BY 1, 2 ORDER BY cost DESC, 1, 2
