-- Where the two views of cost differ.
SELECT billing_period, ChargeCategory, sum(BilledCost) AS billed, sum(EffectiveCost) AS effective, sum(EffectiveCost) - sum(BilledCost) AS shifted FROM charges GROUP BY 1, 2 HAVING sum(EffectiveCost) <> sum(BilledCost) ORDER BY 1, 2
