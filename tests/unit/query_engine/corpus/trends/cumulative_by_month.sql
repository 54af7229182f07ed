-- The sum so far, month by month, and how the day stands to the same day a month before.
WITH d AS (SELECT date(line_item_usage_start_date) AS day, sum(line_item_unblended_cost) AS cost FROM cur WHERE line_item_line_item_type = 'Usage' GROUP BY 1)
SELECT a.day, a.cost, sum(a.cost) OVER (PARTITION BY date_trunc('month', a.day) ORDER BY a.day) AS so_far, b.cost AS month_before
FROM d a LEFT JOIN d b ON b.day = a.day - INTERVAL '1' MONTH WHERE a.day >= date '2026-10-01' ORDER BY a.day
