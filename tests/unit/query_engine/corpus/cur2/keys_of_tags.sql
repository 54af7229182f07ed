-- Which keys are there.
SELECT key, count(*) AS line_items, count(DISTINCT value) AS spellings
FROM cur2 CROSS JOIN UNNEST(resource_tags) AS t (key, value) GROUP BY key ORDER BY key
