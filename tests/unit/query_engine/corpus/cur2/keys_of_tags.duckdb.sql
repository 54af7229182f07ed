SELECT e.key, count(*), count(DISTINCT e.value) FROM (SELECT unnest(map_entries(resource_tags)) AS e FROM cur2) t GROUP BY 1 ORDER BY 1
