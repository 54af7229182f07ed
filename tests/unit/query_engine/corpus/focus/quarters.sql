-- Quarters of the calendar.
SELECT concat(CAST(year(ChargePeriodStart) AS varchar), '-Q', CAST(quarter(ChargePeriodStart) AS varchar)) AS quarter, SUM(BilledCost) AS billed, SUM(EffectiveCost) AS effective FROM focus GROUP BY 1 ORDER BY 1
