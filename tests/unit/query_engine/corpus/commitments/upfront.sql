-- Fees paid at once, spread over a year.
SELECT line_item_line_item_type, line_item_product_code, sum(line_item_unblended_cost) AS paid, round(sum(line_item_unblended_cost) / 12, 2) AS a_month
FROM cur WHERE line_item_line_item_type IN ('SavingsPlanUpfrontFee', 'Fee') AND line_item_unblended_cost > 0 GROUP BY 1, 2 ORDER BY 1, 2
