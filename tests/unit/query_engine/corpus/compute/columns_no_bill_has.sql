-- Columns that AWS documents and this company's report never had.
SELECT product_instance_type, product_vcpu, product_memory, product_operating_system, product_tenancy, product_current_generation,
  sum(line_item_unblended_cost) AS cost
FROM cur WHERE line_item_product_code = 'AmazonEC2' AND product_product_family = 'Compute Instance'
GROUP BY product_instance_type, product_vcpu, product_memory, product_operating_system, product_tenancy, product_current_generation
ORDER BY cost DESC, product_instance_type
