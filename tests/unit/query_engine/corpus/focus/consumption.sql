-- What was consumed, in its units.
SELECT ConsumedUnit, ServiceName, SUM(ConsumedQuantity) AS quantity, SUM(EffectiveCost) / NULLIF(SUM(ConsumedQuantity), 0) AS per_unit FROM focus WHERE ConsumedQuantity > 0 GROUP BY 1, 2 ORDER BY 2, 1
