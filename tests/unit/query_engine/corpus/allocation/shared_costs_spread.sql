-- Support spread over accounts by what they spend.
WITH direct AS (SELECT line_item_usage_account_id AS account, sum(line_item_unblended_cost) AS cost FROM cur WHERE line_item_line_item_type = 'Usage' GROUP BY 1),
shared AS (SELECT sum(line_item_unblended_cost) AS cost FROM cur WHERE line_item_product_code LIKE 'AWSSupport%')
SELECT account, direct.cost, shared.cost * direct.cost / sum(direct.cost) OVER () AS support FROM direct CROSS JOIN shared ORDER BY account
