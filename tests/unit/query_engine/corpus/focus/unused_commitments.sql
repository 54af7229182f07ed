-- The share of commitments that nobody used, by month.
SELECT date_format(ChargePeriodStart, '%Y-%m') AS month, CommitmentDiscountType,
  SUM(CASE WHEN CommitmentDiscountStatus = 'Unused' THEN EffectiveCost ELSE 0 END) / NULLIF(SUM(EffectiveCost), 0) AS unused
FROM focus WHERE CommitmentDiscountId IS NOT NULL AND ChargeCategory = 'Usage' GROUP BY 1, 2 ORDER BY 1, 2
