-- Where reservations are used; a simple CASE with NULL among its values, which never matches.
SELECT -- by day
  DATE_FORMAT((line_item_usage_start_date),'%Y-%m-%d') AS usage_day, -- of the usage
  SPLIT_PART(SPLIT_PART(reservation_reservation_a_r_n,':',6),'/',2) AS LeaseID,
  SPLIT_PART(line_item_usage_type ,':',2) AS InstanceType,
  SPLIT_PART(SPLIT_PART(line_item_usage_type ,':',2), '.', 2) AS InstanceFamily,
  CASE product_region
    WHEN NULL THEN 'Global'
    WHEN '' THEN 'Global'
    ELSE product_region
  END AS Region,
  SUM(TRY_CAST(line_item_usage_amount AS DOUBLE)) AS amount,
  SUM(TRY_CAST(reservation_unused_quantity AS DOUBLE)) AS unused,
  SUM(TRY_CAST(line_item_normalized_usage_amount AS DOUBLE)) AS normalized,
  SUM(CAST(line_item_unblended_cost AS DECIMAL(16,8))) AS unblended
FROM cur -- the report
WHERE year = '2026' AND month = '9'
  AND line_item_operation LIKE '%%DBInstance%%'
  AND line_item_line_item_type IN ('Fee','RIFee','DiscountedUsage')
GROUP BY DATE_FORMAT((line_item_usage_start_date),'%Y-%m-%d'), 2, line_item_usage_type, product_region
ORDER BY usage_day, InstanceType, unblended DESC, Region
;
