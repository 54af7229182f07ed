-- What is bought of sellers.
SELECT date_format(line_item_usage_start_date, '%Y-%m-01') AS month_start, bill_billing_entity, line_item_legal_entity,
  product_product_name, sum(line_item_unblended_cost) AS cost
FROM cur WHERE bill_billing_entity = 'AWS Marketplace' GROUP BY 1, 2, 3, 4 ORDER BY 1, 5 DESC, 4
