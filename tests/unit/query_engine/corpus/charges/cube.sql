-- Region and category, each way.
SELECT RegionId, ServiceCategory, grouping(RegionId, ServiceCategory) AS level, sum(EffectiveCost) AS cost FROM charges GROUP BY CUBE (RegionId, ServiceCategory) ORDER BY 3, 1, 2
