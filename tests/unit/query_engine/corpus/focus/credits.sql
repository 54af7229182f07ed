-- Credits.
SELECT ProviderName, ChargeDescription, BillingAccountId, SUM(BilledCost) AS credit FROM focus WHERE ChargeCategory = 'Credit' GROUP BY 1, 2, 3 ORDER BY 4, 2
