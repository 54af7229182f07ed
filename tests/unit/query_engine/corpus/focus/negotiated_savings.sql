-- What was negotiated, apart from commitments.
SELECT ServiceName, SUM(ListCost) AS list, SUM(ContractedCost) AS contracted, SUM(ListCost - ContractedCost) AS negotiated, SUM(ContractedCost - EffectiveCost) AS by_commitment
FROM focus WHERE ChargeCategory = 'Usage' AND ChargeClass IS NULL GROUP BY ServiceName ORDER BY negotiated DESC, ServiceName
