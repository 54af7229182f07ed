-- How much of compute is covered by commitments.
SELECT billing_period, sum(CASE WHEN PricingCategory = 'Committed' THEN EffectiveCost END) / sum(EffectiveCost) AS covered, count_if(PricingCategory = 'Committed') AS charges FROM charges WHERE ServiceCategory = 'Compute' AND ChargeCategory = 'Usage' GROUP BY 1 ORDER BY 1
