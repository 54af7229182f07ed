-- The table with its database, as the console writes it.
SELECT "line_item_product_code", round(sum("line_item_unblended_cost"), 2) AS cost FROM "AwsDataCatalog"."onyx"."cur2" WHERE "billing_period" = '2026-10' GROUP BY 1 HAVING sum("line_item_unblended_cost") > 1 ORDER BY 2 DESC LIMIT 10
