-- Tags as Athena's table has them: a map, whatever the file has.
SELECT tags['team'] AS team, element_at(Tags, 'env') AS env, SUM(BilledCost) AS cost FROM focus WHERE Tags['team'] IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2
