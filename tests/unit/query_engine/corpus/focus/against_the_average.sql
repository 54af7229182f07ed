-- Days above one and a half times the average of their service.
SELECT day, ServiceName, cost, usual FROM (
  SELECT day, ServiceName, cost, avg(cost) OVER (PARTITION BY ServiceName) AS usual FROM (SELECT date(ChargePeriodStart) AS day, ServiceName, SUM(EffectiveCost) AS cost FROM focus WHERE ChargeCategory = 'Usage' GROUP BY 1, 2) daily) t
WHERE cost > 1.5 * usual ORDER BY day, ServiceName
