-- An attribute that is a column of the legacy report and a key of CUR 2.0's map.
SELECT product_region, product['region'] AS of_the_map, count(*) AS line_items FROM cur2 GROUP BY 1, 2 ORDER BY 3 DESC
