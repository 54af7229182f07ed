-- SELECT ServiceName, sum(BilledCost) AS c FROM charges GROUP BY 1 ORDER BY 2 DESC LIMIT 5
SELECT CAST("charges"."onyx__k0" AS VARCHAR) AS "servicename", SUM("charges"."billedcost") AS "c" FROM "onyx__t_charges" AS "charges" GROUP BY "charges"."onyx__k0" ORDER BY "c" DESC NULLS LAST LIMIT 5

-- SELECT 1/2, n/2, n/m, n%m, n+m, n*2, -n FROM charges
SELECT DIV(1, 2) AS "onyx__unnamed_0", DIV("charges"."n", 2) AS "onyx__unnamed_1", CAST(TRUNC((CAST("charges"."n" AS DECIMAL(38, 18)) / "charges"."m")) AS BIGINT) AS "onyx__unnamed_2", CAST((CAST("charges"."n" AS DECIMAL(38, 0)) % "charges"."m") AS BIGINT) AS "onyx__unnamed_3", CAST((CAST("charges"."n" AS DECIMAL(38, 0)) + "charges"."m") AS BIGINT) AS "onyx__unnamed_4", CAST((CAST("charges"."n" AS DECIMAL(38, 0)) * 2) AS BIGINT) AS "onyx__unnamed_5", -"charges"."n" AS "onyx__unnamed_6" FROM "onyx__t_charges" AS "charges"

-- SELECT BilledCost*EffectiveCost FROM charges
SELECT ((((CAST(TRUNC("charges"."billedcost") AS DECIMAL(38, 0)) * "charges"."effectivecost") + (("charges"."billedcost" % 1) * CAST(TRUNC("charges"."effectivecost") AS DECIMAL(38, 0)))) - (((CAST(TRUNC("charges"."billedcost") AS DECIMAL(38, 0)) * "charges"."effectivecost") + (("charges"."billedcost" % 1) * CAST(TRUNC("charges"."effectivecost") AS DECIMAL(38, 0)))) % CAST(0.000000000000000002 AS DECIMAL(38, 18)))) + CAST(((((CAST(TRUNC("charges"."billedcost") AS DECIMAL(38, 0)) * "charges"."effectivecost") + (("charges"."billedcost" % 1) * CAST(TRUNC("charges"."effectivecost") AS DECIMAL(38, 0)))) % CAST(0.000000000000000002 AS DECIMAL(38, 18))) + (("charges"."billedcost" % 1) * ("charges"."effectivecost" % 1))) AS DECIMAL(38, 18))) AS "onyx__unnamed_0" FROM "onyx__t_charges" AS "charges"

-- SELECT BilledCost*2, BilledCost*1.05, BilledCost/3, BilledCost+1, F*BilledCost FROM charges
SELECT ("charges"."billedcost" * 2) AS "onyx__unnamed_0", CAST(("charges"."billedcost" * CAST(1.05 AS DECIMAL(38, 2))) AS DECIMAL(38, 18)) AS "onyx__unnamed_1", ("charges"."billedcost" / 3) AS "onyx__unnamed_2", "charges"."billedcost" + 1 AS "onyx__unnamed_3", "charges"."f" * CAST("charges"."billedcost" AS DOUBLE) AS "onyx__unnamed_4" FROM "onyx__t_charges" AS "charges"

-- SELECT avg(BilledCost), avg(n), sum(n), count(*), count_if(n > 1), approx_distinct(n) FROM charges
SELECT (CAST(SUM("charges"."billedcost") AS DECIMAL(38, 18)) / NULLIF(COUNT("charges"."billedcost"), 0)) AS "onyx__unnamed_0", AVG("charges"."n") AS "onyx__unnamed_1", CAST(SUM(CAST("charges"."n" AS DECIMAL(38, 0))) AS BIGINT) AS "onyx__unnamed_2", COUNT(*) AS "onyx__unnamed_3", COUNT(CASE WHEN "charges"."n" > 1 THEN 1 END) AS "onyx__unnamed_4", COUNT(DISTINCT "charges"."n") AS "onyx__unnamed_5" FROM "onyx__t_charges" AS "charges"

-- SELECT avg(BilledCost) FILTER (WHERE Flag) OVER (PARTITION BY RegionId ORDER BY Day DESC) FROM charges
SELECT (CAST(SUM("charges"."billedcost") FILTER(WHERE "charges"."flag") OVER (PARTITION BY "charges"."regionid" ORDER BY "charges"."day" DESC NULLS LAST) AS DECIMAL(38, 18)) / NULLIF(COUNT("charges"."billedcost") FILTER(WHERE "charges"."flag") OVER (PARTITION BY "charges"."regionid" ORDER BY "charges"."day" DESC NULLS LAST), 0)) AS "onyx__unnamed_0" FROM "onyx__t_charges" AS "charges"

-- SELECT n FROM charges ORDER BY n, m DESC, f NULLS FIRST
SELECT "charges"."n" AS "n" FROM "onyx__t_charges" AS "charges" ORDER BY "n" ASC NULLS LAST, "charges"."m" DESC NULLS LAST, "charges"."f" ASC NULLS FIRST

-- SELECT Tags['env'], element_at(Tags, 'app') FROM charges WHERE Tags['env'] = 'prod'
SELECT "charges"."onyx__m0" AS "onyx__unnamed_0", "charges"."onyx__m1" AS "onyx__unnamed_1" FROM "onyx__t_charges" AS "charges" WHERE "charges"."onyx__m0" = 'prod'

-- SELECT date_trunc('month', ChargePeriodStart), date_format(Day, '%Y-%m'), year(Day) FROM charges
SELECT DATE_TRUNC('month', "charges"."chargeperiodstart") AS "onyx__unnamed_0", STRFTIME("charges"."day", '%Y-%m') AS "onyx__unnamed_1", CAST(EXTRACT(YEAR FROM "charges"."day") AS BIGINT) AS "onyx__unnamed_2" FROM "onyx__t_charges" AS "charges"

-- SELECT Day + interval '1' month, date_add('day', -7, Day), date_diff('hour', ChargePeriodStart, now()) FROM small
SELECT CAST("small"."day" + INTERVAL '1 month' AS DATE) AS "onyx__unnamed_0", CAST(("small"."day" - INTERVAL '7 day') AS DATE) AS "onyx__unnamed_1", DIV((CAST(CAST(CAST('2026-11-20 09:30:00.000000' AS TIMESTAMP) AS TIMESTAMP) AS BIGINT) - CAST(CAST("small"."chargeperiodstart" AS TIMESTAMP) AS BIGINT)), 3600000000) AS "onyx__unnamed_2" FROM "onyx__t_small" AS "small"

-- SELECT n FROM charges WHERE ChargePeriodStart >= date '2026-09-01' AND Day < '2026-10-01' OR n IN (1, 2)
SELECT "charges"."n" AS "n" FROM "onyx__t_charges" AS "charges" WHERE (("charges"."chargeperiodstart" >= CAST(CAST('2026-09-01' AS DATE) AS TIMESTAMP)) AND ("charges"."day" < CAST('2026-10-01' AS DATE))) OR ("charges"."n" IN (1, 2))

-- SELECT cast(BilledCost AS decimal(10,2)), cast(ChargePeriodStart AS varchar), cast('1.005' AS decimal(4,2)) FROM charges
SELECT CAST(CAST(ROUND("charges"."billedcost", 2) AS DECIMAL(10, 2)) AS DECIMAL(38, 2)) AS "onyx__unnamed_0", STRFTIME("charges"."chargeperiodstart", '%Y-%m-%d %H:%M:%S%.3f') AS "onyx__unnamed_1", CAST(CAST(ROUND(CAST('1.01' AS DECIMAL(38, 18)), 2) AS DECIMAL(4, 2)) AS DECIMAL(38, 2)) AS "onyx__unnamed_2" FROM "onyx__t_charges" AS "charges"

-- SELECT CASE n WHEN 1 THEN 'one' ELSE 'more' END, if(n > 0, n/m), coalesce(n, n/m) FROM charges
SELECT CASE WHEN "charges"."n" = 1 THEN 'one' ELSE 'more' END AS "onyx__unnamed_0", CASE WHEN "charges"."n" > 0 THEN CAST(TRUNC((CAST("charges"."n" AS DECIMAL(38, 18)) / NULLIF("charges"."m", 0))) AS BIGINT) END AS "onyx__unnamed_1", COALESCE("charges"."n", CAST(TRUNC((CAST("charges"."n" AS DECIMAL(38, 18)) / NULLIF("charges"."m", 0))) AS BIGINT)) AS "onyx__unnamed_2" FROM "onyx__t_charges" AS "charges"

-- SELECT greatest(n, m), concat(ServiceName, RegionId), strpos(RegionId, '-'), split_part(RegionId, '-', 2) FROM charges
SELECT CASE WHEN ("charges"."n" IS NULL) OR ("charges"."m" IS NULL) THEN NULL ELSE GREATEST("charges"."n", "charges"."m") END AS "onyx__unnamed_0", "charges"."servicename" || "charges"."regionid" AS "onyx__unnamed_1", CASE WHEN STRPOS("charges"."regionid", '-') > 0 THEN (CAST(LENGTH(SPLIT_PART("charges"."regionid", '-', 1)) AS BIGINT) + 1) WHEN NOT ("charges"."regionid" IS NULL) THEN 0 END AS "onyx__unnamed_2", CASE WHEN (CAST(LENGTH("charges"."regionid") AS BIGINT) - CAST(LENGTH(REPLACE("charges"."regionid", '-', '')) AS BIGINT)) < 1 THEN NULL ELSE SPLIT_PART("charges"."regionid", '-', 2) END AS "onyx__unnamed_3" FROM "onyx__t_charges" AS "charges"

-- SELECT Flag IS TRUE, Flag IS NOT FALSE, NOT Flag AND n BETWEEN 1 AND 2 FROM charges
SELECT COALESCE("charges"."flag", FALSE) AS "onyx__unnamed_0", NOT COALESCE(NOT ("charges"."flag"), FALSE) AS "onyx__unnamed_1", (NOT "charges"."flag") AND ("charges"."n" BETWEEN 1 AND 2) AS "onyx__unnamed_2" FROM "onyx__t_charges" AS "charges"

-- WITH charges AS (SELECT * FROM small), b AS (SELECT n FROM charges) SELECT count(*) FROM b JOIN charges USING (n)
WITH "onyx__c0" AS (SELECT "small"."servicename" AS "servicename", "small"."regionid" AS "regionid", "small"."billedcost" AS "billedcost", "small"."effectivecost" AS "effectivecost", "small"."chargeperiodstart" AS "chargeperiodstart", "small"."day" AS "day", "small"."n" AS "n", "small"."m" AS "m", "small"."f" AS "f", "small"."flag" AS "flag", "small"."tags" AS "tags" FROM "onyx__t_small" AS "small"), "onyx__c1" AS (SELECT "charges"."n" AS "n" FROM "onyx__c0" AS "charges") SELECT COUNT(*) AS "onyx__unnamed_0" FROM "onyx__c1" AS "b" JOIN "onyx__c0" AS "charges" ON "b"."n" = "charges"."n"

-- SELECT n FROM charges UNION SELECT m FROM small ORDER BY 1
SELECT "charges"."n" AS "n" FROM "onyx__t_charges" AS "charges" UNION SELECT "small"."m" AS "m" FROM "onyx__t_small" AS "small" ORDER BY "n" ASC NULLS LAST

-- SELECT a.n, b.n, a.n FROM charges a LEFT JOIN small b ON a.m = b.m AND b.n > 1
SELECT "a"."n" AS "n", "b"."n" AS "onyx__a1", "a"."n" AS "onyx__a2" FROM "onyx__t_charges" AS "a" LEFT JOIN (SELECT * FROM "onyx__t_small" AS "b" WHERE "b"."n" > 1) AS "b" ON "a"."m" = "b"."m"

-- SELECT n FROM charges a WHERE BilledCost > (SELECT avg(b.BilledCost) FROM small b WHERE b.m = a.m)
SELECT "a"."n" AS "n" FROM "onyx__t_charges" AS "a" WHERE "a"."billedcost" > (SELECT (CAST(SUM("b"."billedcost") AS DECIMAL(38, 18)) / NULLIF(COUNT("b"."billedcost"), 0)) AS "_col_0" FROM "onyx__t_small" AS "b" WHERE "b"."m" = "a"."m")
