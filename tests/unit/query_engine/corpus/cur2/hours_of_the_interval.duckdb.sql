SELECT CAST(starts AS timestamp), date_diff('hour', CAST(starts AS timestamp), CAST(ends AS timestamp)) AS hours, count(*) FROM (
  SELECT CAST(string_split(identity_time_interval, '/')[1] AS timestamp) AS starts, CAST(string_split(identity_time_interval, '/')[2] AS timestamp) AS ends
  FROM cur2 WHERE line_item_product_code = 'AmazonEC2' AND billing_period = '2026-11' AND line_item_line_item_type = 'Usage') t GROUP BY 1, 2 ORDER BY 1, 2
