-- Reserved units that nobody used.
SELECT billing_period, reservation_reservation_a_r_n, sum(reservation_unused_quantity) AS unused_units,
  sum(reservation_unused_amortized_upfront_fee_for_billing_period + reservation_unused_recurring_fee) AS unused_cost,
  sum(reservation_amortized_upfront_fee_for_billing_period) AS upfront
FROM cur WHERE line_item_line_item_type = 'RIFee' GROUP BY 1, 2 ORDER BY 1, 2
