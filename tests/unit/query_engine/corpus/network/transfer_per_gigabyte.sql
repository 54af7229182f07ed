-- The price of a gigabyte by how it goes, and by how much of it.
SELECT * FROM (
  SELECT date_format(line_item_usage_start_date, '%m/%Y') AS usage_month,
    CASE WHEN line_item_usage_type LIKE '%DataTransfer-Out-Bytes%' THEN 'internet' WHEN line_item_usage_type LIKE '%DataTransfer-Regional-Bytes%' THEN 'regional' ELSE 'other' END AS way,
    sum(CAST(line_item_usage_amount AS double)) AS gigabytes, sum(CAST(line_item_unblended_cost AS double)) AS cost
  FROM cur WHERE regexp_like(line_item_usage_type, '(?i)datatransfer') AND line_item_line_item_type IN ('Usage') GROUP BY 1, 2
) WHERE gigabytes > 0 ORDER BY usage_month, way
