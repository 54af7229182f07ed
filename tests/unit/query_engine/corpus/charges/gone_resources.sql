-- Resources that cost something in September and nothing in October.
SELECT DISTINCT ResourceId FROM charges WHERE x_BillingPeriod = '2026-09' AND ResourceId IS NOT NULL
EXCEPT SELECT DISTINCT ResourceId FROM charges WHERE x_BillingPeriod = '2026-10' AND ChargeCategory = 'Purchase'
