-- What each service cost a month, credits and taxes left out.
SELECT
  date_format(line_item_usage_start_date, '%Y-%m') AS usage_month,
  bill_payer_account_id,
  line_item_product_code,
  sum(CAST(line_item_unblended_cost AS DECIMAL(16, 8))) AS unblended
FROM cur
WHERE year = '2026' AND month BETWEEN '8' AND '9'
  AND line_item_line_item_type NOT IN ('Tax', 'Credit', 'Refund')
GROUP BY date_format(line_item_usage_start_date, '%Y-%m'), bill_payer_account_id, line_item_product_code
ORDER BY unblended DESC, usage_month, line_item_product_code;
