-- What functions would save on ARM, by how their usage type ends.
WITH spend AS (
SELECT
   line_item_resource_id      AS line_item_resource_id,
   line_item_usage_account_id AS line_item_usage_account_id,
   CASE SUBSTR(line_item_usage_type, length(line_item_usage_type)-2)
      WHEN 'ARM' THEN 'arm64'
      ELSE 'x86_64'
   END AS "processor",
   CASE SUBSTR(line_item_usage_type, length(line_item_usage_type)-2)
      WHEN 'ARM' THEN 0
      ELSE line_item_unblended_cost * .2
   END AS "potential",
   SUM(line_item_unblended_cost) AS cost
FROM cur
WHERE line_item_product_code  = 'AWSLambda' AND line_item_operation = 'Invoke'
   AND (line_item_usage_type LIKE '%Request%' OR line_item_usage_type LIKE '%Lambda-GB-Second%')
   AND line_item_usage_start_date > CURRENT_DATE - INTERVAL '1' MONTH
GROUP BY 1,2,4,3
)
SELECT line_item_resource_id, line_item_usage_account_id, processor, sum(cost) AS cost, sum(potential) AS "potential"
FROM spend
GROUP BY 2,1,3
