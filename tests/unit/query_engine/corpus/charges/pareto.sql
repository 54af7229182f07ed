-- The services that make four fifths of the bill.
SELECT ServiceName, cost, running / total AS share FROM (
  SELECT ServiceName, cost, sum(cost) OVER (ORDER BY cost DESC, ServiceName) AS running, sum(cost) OVER () AS total FROM (SELECT ServiceName, sum(EffectiveCost) AS cost FROM charges GROUP BY 1) s) t
WHERE running - cost < 0.8 * total ORDER BY cost DESC
