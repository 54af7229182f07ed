-- Each month's three dearest services.
WITH monthly AS (SELECT billing_period, ServiceName, sum(EffectiveCost) AS cost FROM charges GROUP BY 1, 2), ranked AS (SELECT *, rank() OVER (PARTITION BY billing_period ORDER BY cost DESC) AS place FROM monthly)
SELECT billing_period, place, ServiceName, cost FROM ranked WHERE place <= 3 ORDER BY 1, 2
