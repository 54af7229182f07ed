-- The month's summary as dashboards over CUR 2.0 have it.
SELECT split_part("billing_period", '-', 1) "year", split_part("billing_period", '-', 2) "month", "bill_billing_period_start_date" "billing_period",
  CASE WHEN ("date_trunc"('month', "line_item_usage_start_date")) >= ("date_trunc"('month', current_timestamp) - INTERVAL '1' MONTH) THEN "date_trunc"('day', "line_item_usage_start_date") ELSE "date_trunc"('month', "line_item_usage_start_date") END "usage_date",
  "bill_payer_account_id" "payer_account_id", "line_item_usage_account_id" "linked_account_id",
  CASE WHEN ("bill_billing_entity" = 'AWS Marketplace' AND "line_item_line_item_type" NOT LIKE '%Discount%') THEN product['product_name'] WHEN ("product_servicecode" = '') THEN "line_item_product_code" ELSE "product_servicecode" END "service",
  product['region'] "region", product['instance_type_family'] "instance_type_family",
  approx_distinct("Line_item_resource_id") "resource_id_count",
  sum(CASE WHEN ("line_item_line_item_type" IN ('SavingsPlanCoveredUsage', 'DiscountedUsage', 'Usage')) THEN "line_item_usage_amount" ELSE 0 END) "usage_quantity",
  sum ("line_item_unblended_cost") "unblended_cost",
  sum(CASE WHEN ("line_item_line_item_type" <> 'SavingsPlanNegation') THEN "pricing_public_on_demand_cost" ELSE 0 END) "public_cost"
FROM "cur2"
WHERE (("bill_billing_period_start_date" >= ("date_trunc"('month', current_timestamp) - INTERVAL '7' MONTH))
  AND (CAST("concat"("billing_period", '-01') AS date) >= ("date_trunc"('month', current_date) - INTERVAL '7' MONTH))
  AND coalesce("line_item_operation", '') NOT IN ('EKSPod-EC2', 'ECSTask-EC2'))
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
