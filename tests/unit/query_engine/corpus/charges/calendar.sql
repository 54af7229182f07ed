-- Every day of a month, also those without a charge.
WITH days AS (SELECT CAST(day AS date) AS day FROM UNNEST(sequence(date '2026-11-01', date '2026-11-30', INTERVAL '1' DAY)) AS t (day))
SELECT d.day, coalesce(sum(c.EffectiveCost), 0) AS cost FROM days d LEFT JOIN charges c ON date(c.ChargePeriodStart) = d.day AND c.ServiceName LIKE '%Lambda%' GROUP BY 1 ORDER BY 1
