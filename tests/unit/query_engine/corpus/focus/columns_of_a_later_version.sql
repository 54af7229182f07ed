-- Columns of 1.3 over a file of 1.2.
SELECT HostProviderName, ServiceProviderName, AllocatedMethodId, SUM(BilledCost) AS cost FROM focus GROUP BY 1, 2, 3
