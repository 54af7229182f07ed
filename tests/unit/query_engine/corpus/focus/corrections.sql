-- Corrections of earlier periods.
SELECT BillingPeriodStart, ChargeCategory, ServiceName, ChargeDescription, SUM(BilledCost) AS correction FROM focus WHERE ChargeClass = 'Correction' GROUP BY 1, 2, 3, 4 ORDER BY 1, 3, 4
