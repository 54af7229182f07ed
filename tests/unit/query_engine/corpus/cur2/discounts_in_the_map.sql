-- A discount is text in the map.
SELECT line_item_product_code, sum(try_cast(discount['edp_discount'] AS decimal(18, 10))) AS edp, sum(discount_total_discount) AS total
FROM cur2 WHERE discount['edp_discount'] IS NOT NULL GROUP BY 1 ORDER BY 2, 1
