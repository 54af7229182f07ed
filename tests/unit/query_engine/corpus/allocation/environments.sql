-- Environments, by an agreed name.
SELECT CASE WHEN lower(resource_tags_user_env) IN ('prod', 'production', 'prd') THEN 'production' WHEN resource_tags_user_env IS NULL THEN 'none' ELSE lower(resource_tags_user_env) END AS environment,
  sum(line_item_unblended_cost) AS cost, sum(line_item_unblended_cost) * 100.0 / (SELECT sum(line_item_unblended_cost) FROM cur) AS percent
FROM cur GROUP BY 1 ORDER BY 2 DESC
