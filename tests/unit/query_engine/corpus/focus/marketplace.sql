-- Who sells what is not the provider's.
SELECT PublisherName, InvoiceIssuerName, ServiceName, SUM(BilledCost) AS cost FROM focus WHERE PublisherName <> ProviderName GROUP BY 1, 2, 3 ORDER BY 4 DESC
