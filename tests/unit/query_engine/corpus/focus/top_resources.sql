-- The dearest resources, with all that is known of them.
SELECT ResourceId, ResourceName, ResourceType, ServiceName, RegionId, SUM(EffectiveCost) AS cost FROM focus WHERE ResourceId IS NOT NULL GROUP BY 1, 2, 3, 4, 5 ORDER BY cost DESC, ResourceId, ResourceType LIMIT 25
