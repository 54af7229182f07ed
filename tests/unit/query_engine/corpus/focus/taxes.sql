-- Taxes and their share.
SELECT InvoiceIssuerName, SUM(CASE WHEN ChargeCategory = 'Tax' THEN BilledCost ELSE 0 END) AS tax, SUM(BilledCost) AS total, ROUND(100.0 * SUM(CASE WHEN ChargeCategory = 'Tax' THEN BilledCost ELSE 0 END) / SUM(BilledCost), 2) AS percent FROM focus GROUP BY 1 ORDER BY 1
