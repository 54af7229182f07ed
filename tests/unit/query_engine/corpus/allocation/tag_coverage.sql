-- How much is tagged, day by day.
SELECT date(line_item_usage_start_date) AS day, sum(line_item_unblended_cost) AS total,
  sum(CASE WHEN resource_tags_user_team IS NOT NULL AND resource_tags_user_team <> '' THEN line_item_unblended_cost END) AS tagged,
  round(sum(CASE WHEN resource_tags_user_team <> '' THEN line_item_unblended_cost ELSE 0 END) / nullif(sum(line_item_unblended_cost), 0) * 100, 1) AS percent
FROM cur WHERE line_item_line_item_type = 'Usage' AND line_item_usage_start_date >= date '2026-11-01' GROUP BY 1 ORDER BY 1
