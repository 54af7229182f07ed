-- Plans that end within a year (this report does not say when).
SELECT DISTINCT savings_plan_savings_plan_a_r_n,
  try_cast(date_parse(split_part(savings_plan_end_time, 'T', 1), '%Y-%m-%d') AS date) AS ends,
  date_diff('day', current_date, CAST(from_iso8601_timestamp(savings_plan_end_time) AS date)) AS days_left
FROM cur WHERE savings_plan_savings_plan_a_r_n <> '' ORDER BY 1
