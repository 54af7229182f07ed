-- Services above the mean of their category.
SELECT s.ServiceCategory, s.ServiceName, s.cost FROM (SELECT ServiceCategory, ServiceName, sum(EffectiveCost) AS cost FROM charges GROUP BY 1, 2) s
WHERE s.cost > (SELECT avg(x.cost) FROM (SELECT ServiceCategory, ServiceName, sum(EffectiveCost) AS cost FROM charges GROUP BY 1, 2) x WHERE x.ServiceCategory = s.ServiceCategory) ORDER BY 1, 3 DESC
