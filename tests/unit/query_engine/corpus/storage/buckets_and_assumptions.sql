-- Savings per bucket by assumptions that stand in a list of values.
WITH inputs AS (SELECT * FROM (VALUES (0.3, .68, 2)) t (standard_savings, archive_savings, tier_increase)),
bucket AS (
  SELECT year, month, line_item_resource_id AS resource_id, line_item_operation AS operation, standard_savings, archive_savings,
    sum(line_item_usage_amount) AS quantity, sum(line_item_unblended_cost) AS cost
  FROM cur, inputs WHERE line_item_product_code LIKE '%AmazonS3%' AND line_item_resource_id <> '' AND line_item_line_item_type LIKE '%Usage%'
  GROUP BY 1, 2, 3, 4, 5, 6
)
SELECT resource_id,
  CASE WHEN resource_id LIKE '%backup%' THEN 'backup' WHEN resource_id LIKE '%log%' THEN 'log' ELSE 'Other' END AS keyword,
  sum(CASE WHEN operation = 'StandardStorage' THEN cost * standard_savings ELSE 0 END) AS potential,
  sum(cost) * (1 - max(archive_savings)) AS after_archive, sum(cost) AS total
FROM bucket WHERE CAST(concat(bucket.year, '-', bucket.month, '-01') AS date) = (date_trunc('month', current_date) - INTERVAL '1' MONTH)
GROUP BY 1, 2 ORDER BY total DESC, 1
