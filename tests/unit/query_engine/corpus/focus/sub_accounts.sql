-- Sub-accounts and what they cost.
SELECT ProviderName, SubAccountId, SubAccountName, SubAccountType, SUM(BilledCost) AS TotalBilledCost, SUM(EffectiveCost) AS TotalEffectiveCost
FROM focus WHERE BillingPeriodStart >= DATE '2026-09-01' AND BillingPeriodEnd <= DATE '2026-11-01' GROUP BY 1, 2, 3, 4 ORDER BY 5 DESC
