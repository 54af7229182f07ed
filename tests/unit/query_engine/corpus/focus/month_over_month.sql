-- Each service against the month before.
WITH monthly AS (SELECT ServiceName, date_trunc('month', BillingPeriodStart) AS month, SUM(EffectiveCost) AS cost FROM focus GROUP BY 1, 2)
SELECT now.ServiceName, now.month, now.cost, was.cost AS before, (now.cost - was.cost) / NULLIF(was.cost, 0) * 100 AS percent
FROM monthly now LEFT JOIN monthly was ON now.ServiceName = was.ServiceName AND was.month = date_add('month', -1, now.month) ORDER BY 1, 2
