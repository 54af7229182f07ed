-- Volumes that would be cheaper as gp3.
WITH volumes AS (
  SELECT billing_period, line_item_usage_account_id AS account, line_item_resource_id AS volume,
    sum(CASE WHEN line_item_usage_type LIKE '%gp2' THEN line_item_usage_amount ELSE 0 END) AS gp2_gb,
    sum(CASE WHEN line_item_usage_type LIKE '%gp2' THEN line_item_unblended_cost ELSE 0 END) AS gp2_cost,
    sum(CASE WHEN line_item_usage_type LIKE '%gp3' THEN line_item_unblended_cost ELSE 0 END) AS gp3_cost
  FROM cur WHERE line_item_product_code = 'AmazonEC2' AND line_item_usage_type LIKE '%EBS:Volume%' GROUP BY 1, 2, 3
)
SELECT billing_period, account, volume, gp2_cost, gp2_cost * .8 AS as_gp3, gp2_cost - gp2_cost * .8 AS saved, CASE WHEN gp2_gb > 150 THEN 'large' ELSE 'small' END AS size
FROM volumes WHERE gp2_cost > 0 ORDER BY saved DESC, billing_period, volume
