-- Services of an account, in one text.
SELECT SubAccountId, array_join(array_sort(array_agg(DISTINCT ServiceName)), ', ') AS services FROM charges WHERE SubAccountId IS NOT NULL GROUP BY 1 ORDER BY 1
