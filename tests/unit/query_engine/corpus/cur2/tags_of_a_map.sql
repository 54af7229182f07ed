-- Cost by a tag, which CUR 2.0 has in a map.
SELECT billing_period, resource_tags['user_team'] AS team, element_at(resource_tags, 'user_env') AS env, sum(line_item_unblended_cost) AS cost
FROM cur2 WHERE line_item_line_item_type = 'Usage' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
