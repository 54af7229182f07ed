-- Where a resource is, by its ARN.
SELECT split_part(ResourceId, ':', 3) AS service, split_part(ResourceId, ':', 4) AS region, count(DISTINCT ResourceId) AS resources, sum(EffectiveCost) AS cost FROM charges WHERE ResourceId LIKE 'arn:aws:%' GROUP BY 1, 2 ORDER BY 1, 2
