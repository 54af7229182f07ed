-- Each invoice's amount.
SELECT InvoiceId, InvoiceIssuerName, BillingCurrency, SUM(BilledCost) AS amount, min(BillingPeriodStart) AS from_day, max(BillingPeriodEnd) AS to_day FROM focus WHERE InvoiceId IS NOT NULL GROUP BY 1, 2, 3 ORDER BY 1
