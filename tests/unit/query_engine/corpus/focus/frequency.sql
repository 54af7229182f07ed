-- Once, again, or by use.
SELECT ChargeFrequency, ChargeCategory, SUM(BilledCost) AS billed, approx_distinct(ResourceId) AS resources FROM focus GROUP BY 1, 2 ORDER BY 1, 2
