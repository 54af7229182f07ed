-- The interval that an item is of, parsed.
SELECT from_iso8601_timestamp(split_part(identity_time_interval, '/', 1)) AS starts, date_diff('hour', from_iso8601_timestamp(split_part(identity_time_interval, '/', 1)), from_iso8601_timestamp(split_part(identity_time_interval, '/', 2))) AS hours, count(*) AS line_items
FROM cur2 WHERE line_item_product_code = 'AmazonEC2' AND billing_period = '2026-11' AND line_item_line_item_type = 'Usage' GROUP BY 1, 2 ORDER BY 1, 2
