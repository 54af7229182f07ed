-- Last month by numbers, with an interval that is multiplied.
SELECT line_item_product_code, sum_amount, CAST(total_per_resource AS DECIMAL(16, 8)) AS "cost(incl monthly fee)", product_rootvolume, product_uservolume
FROM (
  SELECT line_item_product_code, line_item_resource_id, pricing_unit, product_rootvolume, product_uservolume,
    SUM(line_item_usage_amount) AS sum_amount,
    SUM(SUM(line_item_unblended_cost)) OVER (PARTITION BY line_item_resource_id) AS total_per_resource,
    SUM(SUM(line_item_usage_amount)) OVER (PARTITION BY line_item_resource_id, pricing_unit) AS amount_per_resource
  FROM cur
  WHERE CAST(month AS INT) = CAST(month(current_timestamp + -1 * INTERVAL '1' MONTH) AS INT)
    AND CAST(year AS INT) = CAST(year(current_timestamp + -1 * INTERVAL '1' MONTH) AS INT)
    AND line_item_line_item_type = 'Usage' AND line_item_resource_id <> ''
  GROUP BY line_item_product_code, line_item_resource_id, pricing_unit, product_rootvolume, product_uservolume
)
WHERE amount_per_resource > 80
ORDER BY total_per_resource DESC, line_item_resource_id, pricing_unit, sum_amount
;
