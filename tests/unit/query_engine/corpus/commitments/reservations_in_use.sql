-- Reservations and how much of them is used; columns that are text are cast, those of no bill are null.
SELECT date_format((line_item_usage_start_date),'%Y-%m') AS usage_month, line_item_product_code, line_item_usage_type, product_region, reservation_subscription_id, reservation_reservation_a_r_n,
  pricing_purchase_option, pricing_offering_class, reservation_number_of_reservations, reservation_end_time, reservation_unused_quantity,
  TRY_CAST(1 - (TRY_CAST(reservation_unused_quantity AS Decimal(16,8)) / TRY_CAST(reservation_total_reserved_units AS Decimal(16,8))) as Decimal(16,8)) AS used
FROM cur
WHERE CAST("concat"("year", '-', "month", '-01') AS date) = "date_trunc"('month', current_date) - INTERVAL  '1' MONTH --last month
  AND line_item_line_item_type IN ('Fee','RIFee') AND reservation_reservation_a_r_n <> ''
  AND coalesce(try_cast(date_parse(SPLIT_PART(reservation_end_time, 'T', 1), '%Y-%m-%d') as date), date '2030-01-01') > cast(current_date as date) --not ended
GROUP BY 1, line_item_product_code, line_item_usage_type, product_region, reservation_subscription_id, reservation_reservation_a_r_n, pricing_purchase_option, pricing_offering_class,
  reservation_number_of_reservations, reservation_end_time, reservation_unused_quantity, reservation_total_reserved_units
ORDER BY reservation_unused_quantity DESC, reservation_end_time ASC, used ASC, reservation_reservation_a_r_n
