-- Amortised cost by charge type, names of charge types made readable.
SELECT -- of each month
  bill_payer_account_id,
  CASE WHEN (line_item_line_item_type = 'Fee' AND product_product_name = 'AWS Premium Support') THEN 'Support fee'
       WHEN (line_item_line_item_type = 'Fee' AND bill_billing_entity <> 'AWS') THEN 'Marketplace fee'
       WHEN (line_item_line_item_type = 'DiscountedUsage') THEN 'Reservation applied usage' ELSE line_item_line_item_type END charge_type,
  DATE_FORMAT((line_item_usage_start_date),'%Y-%m') AS usage_month
  ,
  round(sum(CASE
      WHEN (line_item_line_item_type = 'SavingsPlanCoveredUsage') THEN savings_plan_savings_plan_effective_cost
      WHEN (line_item_line_item_type = 'SavingsPlanRecurringFee') THEN round((savings_plan_total_commitment_to_date - savings_plan_used_commitment),8)
      WHEN (line_item_line_item_type = 'SavingsPlanNegation') THEN 0
      WHEN (line_item_line_item_type = 'SavingsPlanUpfrontFee') THEN 0
      WHEN (line_item_line_item_type = 'DiscountedUsage') THEN reservation_effective_cost
      WHEN (line_item_line_item_type = 'RIFee') THEN (reservation_unused_amortized_upfront_fee_for_billing_period + reservation_unused_recurring_fee)
      WHEN ((line_item_line_item_type = 'Fee') AND (reservation_reservation_a_r_n <> '')) THEN 0 ELSE line_item_unblended_cost END),2) amortized
FROM cur
GROUP BY bill_payer_account_id, 2, 3
ORDER BY usage_month, amortized DESC, charge_type
  ;
