-- Charges by service, to hold against the invoice.
SELECT ProviderName, BillingAccountId, BillingAccountName, BillingCurrency, ServiceName, SUM(BilledCost) AS Billed FROM focus
WHERE BillingPeriodStart >= timestamp '2026-10-01 00:00:00' AND BillingPeriodEnd <= timestamp '2026-11-01 00:00:00' GROUP BY ProviderName, BillingAccountId, BillingAccountName, BillingCurrency, ServiceName ORDER BY Billed DESC
