-- How charges are spread.
SELECT ServiceCategory, count(*) AS charges, min(BilledCost) AS least, max(BilledCost) AS most, avg(BilledCost) AS mean FROM charges WHERE BilledCost > 0 GROUP BY 1 ORDER BY 1
