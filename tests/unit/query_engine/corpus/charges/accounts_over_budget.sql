-- Accounts over a budget that stands in a list.
WITH budget AS (SELECT * FROM (VALUES ('244071367498', decimal '500'), ('622284859645', decimal '100000')) AS t (account, amount))
SELECT b.account, b.amount, sum(c.EffectiveCost) AS spent, sum(c.EffectiveCost) > b.amount AS over FROM budget b LEFT JOIN charges c ON c.SubAccountId = b.account AND c.billing_period = '2026-10' GROUP BY 1, 2 ORDER BY 1
