-- A tag out of the text that the file has.
SELECT json_extract_scalar(Tags, '$.team') AS team, SUM(EffectiveCost) AS cost, COUNT(*) AS charges FROM focus WHERE Tags IS NOT NULL GROUP BY 1 ORDER BY cost DESC, 1
