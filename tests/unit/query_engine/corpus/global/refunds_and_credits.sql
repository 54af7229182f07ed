-- Credits, refunds and discounts in detail.
SELECT bill_payer_account_id, line_item_usage_account_id, line_item_line_item_type, line_item_product_code, product_region,
  line_item_line_item_description, sum(line_item_unblended_cost) AS cost
FROM cur
WHERE line_item_line_item_type IN ('Credit', 'Refund', 'EdpDiscount', 'BundledDiscount')
  AND (year = '2026' AND month = '10' OR year = '2026' AND month = '11')
GROUP BY 1, 2, 3, 4, 5, 6
ORDER BY cost, line_item_usage_account_id, line_item_product_code, line_item_line_item_description, line_item_line_item_type
