-- Accounts as they were last called.
SELECT DISTINCT line_item_usage_account_id AS account_id, max_by(line_item_usage_account_name, line_item_usage_start_date) AS account_name, bill_payer_account_id AS payer
FROM cur2 WHERE line_item_usage_account_id <> '' GROUP BY 1, 3 ORDER BY 1
