-- What reservations saved, the fee that nobody used taken off.
SELECT bill_payer_account_id, line_item_product_code,
  sum(CASE WHEN line_item_line_item_type = 'DiscountedUsage' THEN pricing_public_on_demand_cost ELSE 0 END) AS on_demand,
  sum(CASE WHEN line_item_line_item_type = 'DiscountedUsage' THEN reservation_effective_cost
      WHEN line_item_line_item_type = 'RIFee' THEN reservation_unused_amortized_upfront_fee_for_billing_period + reservation_unused_recurring_fee ELSE 0 END) AS effective
FROM cur WHERE reservation_reservation_a_r_n <> '' GROUP BY 1, 2 ORDER BY 1, 2
