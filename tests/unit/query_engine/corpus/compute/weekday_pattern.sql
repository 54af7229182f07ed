-- Whether machines are stopped at weekends.
SELECT day_of_week(line_item_usage_start_date) AS weekday, avg(hours) AS hours_a_day FROM (
  SELECT line_item_usage_start_date, sum(line_item_usage_amount) AS hours FROM cur
  WHERE line_item_usage_type LIKE '%BoxUsage%' AND line_item_line_item_type IN ('Usage', 'SavingsPlanCoveredUsage') GROUP BY 1
) t GROUP BY 1 ORDER BY 1
