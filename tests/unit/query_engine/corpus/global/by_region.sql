-- Regions, with what has none called global.
SELECT coalesce(nullif(product_region, ''), 'global') AS region,
  CASE WHEN product_region IS NULL OR product_region = 'global' THEN 'Global' WHEN product_region LIKE 'eu-%' THEN 'Europe' ELSE 'Americas' END AS geo,
  round(sum(line_item_unblended_cost), 2) AS cost
FROM cur WHERE line_item_line_item_type = 'Usage' GROUP BY 1, 2 ORDER BY 3 DESC
