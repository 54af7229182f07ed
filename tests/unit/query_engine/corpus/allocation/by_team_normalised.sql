-- Teams, however they were spelt.
SELECT coalesce(nullif(lower(trim(resource_tags_user_team)), ''), 'untagged') AS team, sum(line_item_unblended_cost) AS cost, count(DISTINCT line_item_usage_account_id) AS accounts
FROM cur WHERE line_item_line_item_type = 'Usage' GROUP BY 1 ORDER BY cost DESC
