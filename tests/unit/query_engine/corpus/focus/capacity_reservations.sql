-- Capacity that was reserved.
SELECT CapacityReservationId, CapacityReservationStatus, COUNT(*) AS charges, SUM(EffectiveCost) AS cost FROM focus GROUP BY 1, 2 ORDER BY 1
