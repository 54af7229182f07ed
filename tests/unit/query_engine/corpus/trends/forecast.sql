-- What the month comes to if it goes on so.
WITH so_far AS (SELECT sum(line_item_unblended_cost) AS cost, count(DISTINCT date(line_item_usage_start_date)) AS days FROM cur
  WHERE line_item_usage_start_date >= date_trunc('month', current_date) AND line_item_usage_start_date < current_date AND line_item_line_item_type = 'Usage')
SELECT cost, days, cost / days * day(last_day_of_month(current_date)) AS forecast FROM so_far
