-- EC2 instance hours by instance type and how they are paid.
SELECT product_instance_type, line_item_availability_zone,
  CASE line_item_line_item_type
    WHEN 'DiscountedUsage' THEN 'Reserved Instance' WHEN 'SavingsPlanCoveredUsage' THEN 'Savings Plan'
    WHEN 'Usage' THEN 'On Demand' ELSE 'other' END AS paid_as,
  sum(line_item_usage_amount) AS hours,
  count(DISTINCT(line_item_resource_id)) AS instances
FROM cur
WHERE line_item_product_code = 'AmazonEC2' AND line_item_operation LIKE '%RunInstances%'
  AND line_item_usage_type LIKE '%BoxUsage%' AND product_instance_type <> ''
  AND line_item_line_item_type IN ('Usage', 'SavingsPlanCoveredUsage', 'DiscountedUsage')
GROUP BY 1, 2, 3 ORDER BY hours DESC, 1, 2, 3
