-- The month before this one, by the partition columns put together to a date.
SELECT bill_billing_period_start_date, sum(line_item_unblended_cost) AS unblended
FROM cur
WHERE CAST("concat"("year", '-', "month", '-01') AS date) = "date_trunc"('month', current_date) - INTERVAL '1' MONTH
GROUP BY 1
