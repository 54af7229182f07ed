-- Invoices of the payer.
SELECT bill_invoice_id, bill_bill_type, line_item_currency_code, min(bill_billing_period_start_date) AS period_start,
  max(bill_billing_period_end_date) AS period_end, sum(line_item_unblended_cost) AS amount
FROM cur WHERE bill_invoice_id <> '' GROUP BY 1, 2, 3 ORDER BY 1, 2
