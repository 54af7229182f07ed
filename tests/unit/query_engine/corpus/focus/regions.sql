-- Cost by region and zone.
SELECT RegionId, RegionName, AvailabilityZone, SUM(EffectiveCost) AS cost FROM focus WHERE ServiceCategory = 'Compute' GROUP BY 1, 2, 3 ORDER BY cost DESC, 1, 3
