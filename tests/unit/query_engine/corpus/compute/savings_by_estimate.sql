-- Estimates by factors written with an exponent.
WITH cur_all AS (SELECT DISTINCT split_part(billing_period, '-', 1) "year", split_part(billing_period, '-', 2) "month", "bill_billing_period_start_date" "billing_period",
    "line_item_product_code" "product_code", "line_item_line_item_type" "charge_type", product['physical_processor'] "processor", "product_instance_type" "instance_type",
    "sum"("line_item_unblended_cost") "amortized_cost", "sum"("pricing_public_on_demand_cost") "public_cost"
  FROM "cur2" WHERE (CAST("concat"("billing_period", '-01') AS date) >= ("date_trunc"('month', current_date) - INTERVAL '3' MONTH)
    AND ("bill_payer_account_id" <>'') AND ("line_item_resource_id" <>'') AND ("line_item_usage_type" NOT LIKE '%DataXfer%')) GROUP BY 1, 2, 3, 4, 5, 6, 7),
instance_map AS (SELECT * FROM (VALUES ('m5.large', 'm7g.large', 'Previous'), ('c6i.large', 'c7g.large', 'Current')) ignored (family, latest_graviton, generation))
SELECT cur_all.*, CASE WHEN (product_code = 'AmazonEC2' AND coalesce(processor, '') NOT LIKE '%Graviton%') THEN latest_graviton END "latest_graviton",
  CASE WHEN (("charge_type" LIKE '%Usage%') AND ("instance_type" <> '') AND (generation IN ('Previous'))) THEN (amortized_cost * 5E-2) ELSE 0 END "previous_generation_savings",
  CASE WHEN ("charge_type" LIKE '%Usage%') AND (latest_graviton <> '') THEN (amortized_cost * 2E-1) ELSE 0 END "graviton_savings"
FROM cur_all LEFT JOIN instance_map ON instance_map.family = cur_all.instance_type
