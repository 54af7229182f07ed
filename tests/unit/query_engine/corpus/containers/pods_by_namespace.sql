-- Pods by cluster and namespace.
SELECT split_part(line_item_resource_id, '/', 2) AS cluster, split_part(line_item_resource_id, '/', 3) AS namespace, billing_period,
  sum(split_line_item_split_cost) + sum(split_line_item_unused_cost) AS cost, sum(split_line_item_net_split_cost) AS net
FROM cur WHERE line_item_product_code = 'AmazonEKS' AND line_item_operation = 'EKSPod-EC2' GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1, 2, 3
