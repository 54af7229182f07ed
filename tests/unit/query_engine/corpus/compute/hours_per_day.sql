-- Instance hours a day.
SELECT date_format(line_item_usage_start_date, '%Y-%m-%d') AS usage_day, product_instance_type,
  sum(line_item_usage_amount) AS hours, round(sum(line_item_usage_amount) / 24, 2) AS instances
FROM cur WHERE line_item_usage_type LIKE '%BoxUsage%' AND year = '2026' AND month = '11' AND line_item_line_item_type <> 'SavingsPlanNegation'
GROUP BY 1, 2 ORDER BY usage_day, product_instance_type
