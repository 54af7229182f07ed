-- What was used and what was not of the commitments.
SELECT CommitmentDiscountId, CommitmentDiscountType, CommitmentDiscountStatus, SUM(EffectiveCost) AS cost FROM focus WHERE CommitmentDiscountStatus IS NOT NULL GROUP BY 1, 2, 3 ORDER BY 1, 3
