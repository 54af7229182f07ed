-- The rows of the last days by how long ago they are.
SELECT "line_item_usage_start_date", "line_item_usage_account_id", (CASE WHEN ("product_product_name" LIKE '') THEN "line_item_product_code" ELSE "product_product_name" END) "product",
  "round"("sum"("line_item_unblended_cost"), 2) "unblended_cost", "round"("sum"("line_item_usage_amount"), 2) "amount"
FROM cur WHERE ("date_diff"('day', "date"("line_item_usage_start_date"), "date"("now"())) BETWEEN 0 AND 10)
GROUP BY "line_item_usage_start_date", "line_item_usage_account_id", 3 ORDER BY 1, 2, 3
