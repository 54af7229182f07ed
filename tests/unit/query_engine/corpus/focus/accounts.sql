-- Every billing account that has charges.
SELECT DISTINCT ProviderName, BillingAccountId, BillingAccountName, BillingAccountType FROM focus WHERE ChargePeriodStart >= timestamp '2026-08-01 00:00:00' AND ChargePeriodEnd < timestamp '2026-10-01 00:00:00'
