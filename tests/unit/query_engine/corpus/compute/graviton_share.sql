-- Which part of the hours runs on ARM, by a regular expression on the type.
SELECT date_trunc('month', line_item_usage_start_date) AS usage_month,
  CASE WHEN regexp_like(line_item_usage_type, '.[a-z]([1-9]|[1-9][0-9]).?.?[g][a-zA-Z]?\.') THEN 'arm' ELSE 'x86' END AS processor,
  sum(line_item_usage_amount) AS hours, count(DISTINCT line_item_resource_id) AS resources
FROM cur
WHERE line_item_usage_type LIKE '%BoxUsage%' AND line_item_line_item_type IN ('Usage', 'SavingsPlanCoveredUsage')
  AND line_item_usage_type NOT LIKE '%EBSOptimized%'
GROUP BY 1, 2 ORDER BY 1 DESC, 2
