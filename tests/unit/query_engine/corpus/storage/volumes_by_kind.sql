-- Volumes by the kind in their usage type.
SELECT regexp_extract(line_item_usage_type, 'EBS:(\w+)\.?(\w+)?', 1) AS what, regexp_extract(line_item_usage_type, 'VolumeUsage\.(\w+)', 1) AS kind,
  count(DISTINCT line_item_resource_id) AS volumes, sum(line_item_unblended_cost) AS cost
FROM cur WHERE line_item_usage_type LIKE '%EBS:%' GROUP BY 1, 2 ORDER BY 1, 2
