-- The discounts of the agreements.
SELECT billing_period, sum(discount_edp_discount) AS edp, sum(discount_private_rate_discount) AS private_rate,
  sum(discount_bundled_discount) AS bundled, sum(discount_total_discount) AS total
FROM cur GROUP BY billing_period ORDER BY billing_period
