-- SELECT ServiceName, sum(BilledCost) AS c FROM charges GROUP BY 1 ORDER BY 2 DESC LIMIT 5
SELECT "charges"."servicename" AS "servicename", SUM("charges"."billedcost") AS "c" FROM "onyx__t_charges" AS "charges" GROUP BY "charges"."servicename" ORDER BY "c" DESC NULLS LAST LIMIT 5

-- SELECT 1/2, n/2, n/m, n%m, n+m, n*2, -n FROM charges
SELECT (CAST(1 AS BIGINT) // CAST(2 AS BIGINT)) AS "onyx__unnamed_0", ("charges"."n" // CAST(2 AS BIGINT)) AS "onyx__unnamed_1", ("charges"."n" // "charges"."m") AS "onyx__unnamed_2", ("charges"."n" % "charges"."m") AS "onyx__unnamed_3", ("charges"."n" + "charges"."m") AS "onyx__unnamed_4", ("charges"."n" * CAST(2 AS BIGINT)) AS "onyx__unnamed_5", -"charges"."n" AS "onyx__unnamed_6" FROM "onyx__t_charges" AS "charges"

-- SELECT BilledCost*EffectiveCost FROM charges
SELECT ONYX_MUL("charges"."billedcost", "charges"."effectivecost") AS "onyx__unnamed_0" FROM "onyx__t_charges" AS "charges"

-- SELECT BilledCost*2, BilledCost*1.05, BilledCost/3, BilledCost+1, F*BilledCost FROM charges
SELECT ("charges"."billedcost" * 2) AS "onyx__unnamed_0", ONYX_MUL("charges"."billedcost", CAST(CAST(1.05 AS DECIMAL(38, 2)) AS DECIMAL(38, 18))) AS "onyx__unnamed_1", ONYX_DIV("charges"."billedcost", CAST(3 AS DECIMAL(38, 18))) AS "onyx__unnamed_2", ("charges"."billedcost" + 1) AS "onyx__unnamed_3", "charges"."f" * CAST("charges"."billedcost" AS DOUBLE) AS "onyx__unnamed_4" FROM "onyx__t_charges" AS "charges"

-- SELECT avg(BilledCost), avg(n), sum(n), count(*), count_if(n > 1), approx_distinct(n) FROM charges
SELECT ONYX_DIV(CAST(SUM("charges"."billedcost") AS DECIMAL(38, 18)), CAST(NULLIF(COUNT("charges"."billedcost"), 0) AS DECIMAL(38, 18))) AS "onyx__unnamed_0", AVG("charges"."n") AS "onyx__unnamed_1", CAST(SUM("charges"."n") AS BIGINT) AS "onyx__unnamed_2", COUNT(*) AS "onyx__unnamed_3", COUNT(CASE WHEN "charges"."n" > 1 THEN 1 END) AS "onyx__unnamed_4", COUNT(DISTINCT "charges"."n") AS "onyx__unnamed_5" FROM "onyx__t_charges" AS "charges"

-- SELECT avg(BilledCost) FILTER (WHERE Flag) OVER (PARTITION BY RegionId ORDER BY Day DESC) FROM charges
SELECT ONYX_DIV(CAST(SUM("charges"."billedcost") FILTER(WHERE "charges"."flag") OVER (PARTITION BY "charges"."regionid" ORDER BY "charges"."day" DESC NULLS LAST) AS DECIMAL(38, 18)), CAST(NULLIF(COUNT("charges"."billedcost") FILTER(WHERE "charges"."flag") OVER (PARTITION BY "charges"."regionid" ORDER BY "charges"."day" DESC NULLS LAST), 0) AS DECIMAL(38, 18))) AS "onyx__unnamed_0" FROM "onyx__t_charges" AS "charges"

-- SELECT n FROM charges ORDER BY n, m DESC, f NULLS FIRST
SELECT "charges"."n" AS "n" FROM "onyx__t_charges" AS "charges" ORDER BY "n" ASC NULLS LAST, "charges"."m" DESC NULLS LAST, "charges"."f" ASC NULLS FIRST

-- SELECT Tags['env'], element_at(Tags, 'app') FROM charges WHERE Tags['env'] = 'prod'
SELECT MAP_EXTRACT_VALUE("charges"."tags", 'env') AS "onyx__unnamed_0", MAP_EXTRACT_VALUE("charges"."tags", 'app') AS "onyx__unnamed_1" FROM "onyx__t_charges" AS "charges" WHERE MAP_EXTRACT_VALUE("charges"."tags", 'env') = 'prod'

-- SELECT date_trunc('month', ChargePeriodStart), date_format(Day, '%Y-%m'), year(Day) FROM charges
SELECT DATE_TRUNC('month', "charges"."chargeperiodstart") AS "onyx__unnamed_0", STRFTIME("charges"."day", '%Y-%m') AS "onyx__unnamed_1", CAST(EXTRACT(YEAR FROM "charges"."day") AS BIGINT) AS "onyx__unnamed_2" FROM "onyx__t_charges" AS "charges"

-- SELECT Day + interval '1' month, date_add('day', -7, Day), date_diff('hour', ChargePeriodStart, now()) FROM small
SELECT CAST("small"."day" + INTERVAL '1 month' AS DATE) AS "onyx__unnamed_0", CAST(("small"."day" + INTERVAL '-7 day') AS DATE) AS "onyx__unnamed_1", DATE_SUB('hour', CAST("small"."chargeperiodstart" AS TIMESTAMP), CAST(CAST('2026-11-20 09:30:00.000000' AS TIMESTAMP) AS TIMESTAMP)) AS "onyx__unnamed_2" FROM "onyx__t_small" AS "small"

-- SELECT n FROM charges WHERE ChargePeriodStart >= date '2026-09-01' AND Day < '2026-10-01' OR n IN (1, 2)
SELECT "charges"."n" AS "n" FROM "onyx__t_charges" AS "charges" WHERE (("charges"."chargeperiodstart" >= CAST(CAST('2026-09-01' AS DATE) AS TIMESTAMP)) AND ("charges"."day" < CAST('2026-10-01' AS DATE))) OR ("charges"."n" IN (1, 2))

-- SELECT cast(BilledCost AS decimal(10,2)), cast(ChargePeriodStart AS varchar), cast('1.005' AS decimal(4,2)) FROM charges
SELECT CAST(CAST("charges"."billedcost" AS DECIMAL(10, 2)) AS DECIMAL(38, 2)) AS "onyx__unnamed_0", STRFTIME("charges"."chargeperiodstart", '%Y-%m-%d %H:%M:%S.%g') AS "onyx__unnamed_1", CAST(CAST(CAST('1.01' AS DECIMAL(38, 18)) AS DECIMAL(4, 2)) AS DECIMAL(38, 2)) AS "onyx__unnamed_2" FROM "onyx__t_charges" AS "charges"

-- SELECT CASE n WHEN 1 THEN 'one' ELSE 'more' END, if(n > 0, n/m), coalesce(n, n/m) FROM charges
SELECT CASE WHEN "charges"."n" = 1 THEN 'one' ELSE 'more' END AS "onyx__unnamed_0", CASE WHEN "charges"."n" > 0 THEN ("charges"."n" // CAST(NULLIF("charges"."m", 0) AS BIGINT)) END AS "onyx__unnamed_1", COALESCE("charges"."n", ("charges"."n" // CAST(NULLIF("charges"."m", 0) AS BIGINT))) AS "onyx__unnamed_2" FROM "onyx__t_charges" AS "charges"

-- SELECT greatest(n, m), concat(ServiceName, RegionId), strpos(RegionId, '-'), split_part(RegionId, '-', 2) FROM charges
SELECT CASE WHEN ("charges"."n" IS NULL) OR ("charges"."m" IS NULL) THEN NULL ELSE GREATEST("charges"."n", "charges"."m") END AS "onyx__unnamed_0", "charges"."servicename" || "charges"."regionid" AS "onyx__unnamed_1", STRPOS("charges"."regionid", '-') AS "onyx__unnamed_2", LIST_EXTRACT(STRING_SPLIT("charges"."regionid", '-'), 2) AS "onyx__unnamed_3" FROM "onyx__t_charges" AS "charges"

-- SELECT Flag IS TRUE, Flag IS NOT FALSE, NOT Flag AND n BETWEEN 1 AND 2 FROM charges
SELECT "charges"."flag" IS TRUE AS "onyx__unnamed_0", NOT ("charges"."flag" IS FALSE) AS "onyx__unnamed_1", (NOT "charges"."flag") AND ("charges"."n" BETWEEN 1 AND 2) AS "onyx__unnamed_2" FROM "onyx__t_charges" AS "charges"

-- WITH charges AS (SELECT * FROM small), b AS (SELECT n FROM charges) SELECT count(*) FROM b JOIN charges USING (n)
WITH "onyx__c0" AS (SELECT "small"."servicename" AS "servicename", "small"."regionid" AS "regionid", "small"."billedcost" AS "billedcost", "small"."effectivecost" AS "effectivecost", "small"."chargeperiodstart" AS "chargeperiodstart", "small"."day" AS "day", "small"."n" AS "n", "small"."m" AS "m", "small"."f" AS "f", "small"."flag" AS "flag", "small"."tags" AS "tags" FROM "onyx__t_small" AS "small"), "onyx__c1" AS (SELECT "charges"."n" AS "n" FROM "onyx__c0" AS "charges") SELECT COUNT(*) AS "onyx__unnamed_0" FROM "onyx__c1" AS "b" JOIN "onyx__c0" AS "charges" ON "b"."n" = "charges"."n"

-- SELECT n FROM charges UNION SELECT m FROM small ORDER BY 1
SELECT "charges"."n" AS "n" FROM "onyx__t_charges" AS "charges" UNION SELECT "small"."m" AS "m" FROM "onyx__t_small" AS "small" ORDER BY "n" ASC NULLS LAST

-- SELECT a.n, b.n, a.n FROM charges a LEFT JOIN small b ON a.m = b.m AND b.n > 1
SELECT "a"."n" AS "n", "b"."n" AS "onyx__a1", "a"."n" AS "onyx__a2" FROM "onyx__t_charges" AS "a" LEFT JOIN "onyx__t_small" AS "b" ON ("a"."m" = "b"."m") AND ("b"."n" > 1)

-- SELECT n FROM charges a WHERE BilledCost > (SELECT avg(b.BilledCost) FROM small b WHERE b.m = a.m)
SELECT "a"."n" AS "n" FROM "onyx__t_charges" AS "a" WHERE "a"."billedcost" > CAST((SELECT ONYX_DIV(CAST(SUM("b"."billedcost") AS DECIMAL(38, 18)), CAST(NULLIF(COUNT("b"."billedcost"), 0) AS DECIMAL(38, 18))) AS "_col_0" FROM "onyx__t_small" AS "b" WHERE "b"."m" = "a"."m") AS DECIMAL(38, 18))

-- SELECT BilledCost % 0.7, round(BilledCost, -1), floor(BilledCost), sign(n), round(F, 2), cast(F AS bigint) FROM charges
SELECT ("charges"."billedcost" % CAST(CAST(0.7 AS DECIMAL(38, 1)) AS DECIMAL(38, 18))) AS "onyx__unnamed_0", CAST(ROUND("charges"."billedcost", -1) AS DECIMAL(38, 18)) AS "onyx__unnamed_1", CAST(FLOOR("charges"."billedcost") AS DECIMAL(38, 18)) AS "onyx__unnamed_2", CAST(SIGN("charges"."n") AS BIGINT) AS "onyx__unnamed_3", CAST(ROUND("charges"."f", 2) AS DOUBLE) AS "onyx__unnamed_4", CAST(ROUND("charges"."f") AS BIGINT) AS "onyx__unnamed_5" FROM "onyx__t_charges" AS "charges"

-- SELECT coalesce(BilledCost, 0.5), CASE WHEN Flag THEN cast(BilledCost AS decimal(38, 2)) ELSE BilledCost END FROM charges
SELECT COALESCE("charges"."billedcost", CAST(CAST(0.5 AS DECIMAL(38, 1)) AS DECIMAL(38, 18))) AS "onyx__unnamed_0", CASE WHEN "charges"."flag" THEN CAST(CAST("charges"."billedcost" AS DECIMAL(38, 2)) AS DECIMAL(38, 18)) ELSE "charges"."billedcost" END AS "onyx__unnamed_1" FROM "onyx__t_charges" AS "charges"

-- SELECT BilledCost FROM charges UNION ALL SELECT 1.5 FROM small
SELECT "charges"."billedcost" AS "billedcost" FROM "onyx__t_charges" AS "charges" UNION ALL SELECT CAST(CAST(1.5 AS DECIMAL(38, 1)) AS DECIMAL(38, 18)) AS "1.5" FROM "onyx__t_small" AS "small"

-- SELECT substr(ServiceName, -3), trim(ServiceName), replace(ServiceName, RegionId), split_part(RegionId, '-', 2) FROM charges
SELECT CASE WHEN ((-3) = 0) OR ((-3) < (-LENGTH("charges"."servicename"))) THEN LEFT("charges"."servicename", 0) ELSE SUBSTR("charges"."servicename", -3) END AS "onyx__unnamed_0", REGEXP_REPLACE("charges"."servicename", '^[\s\x0b\x1c-\x1f]+|[\s\x0b\x1c-\x1f]+$', '', 'g') AS "onyx__unnamed_1", CASE WHEN "charges"."regionid" = '' THEN REGEXP_REPLACE("charges"."servicename", '', REPLACE('', '\', '\\'), 'g') ELSE REPLACE("charges"."servicename", "charges"."regionid", '') END AS "onyx__unnamed_2", LIST_EXTRACT(STRING_SPLIT("charges"."regionid", '-'), 2) AS "onyx__unnamed_3" FROM "onyx__t_charges" AS "charges"

-- SELECT try_cast(ServiceName AS bigint), cast(ServiceName AS decimal(10, 2)), try_cast(ServiceName AS timestamp) FROM charges
SELECT TRY_CAST(CASE WHEN NOT REGEXP_FULL_MATCH("charges"."servicename", '[+-]?[0-9]+') THEN '' ELSE "charges"."servicename" END AS BIGINT) AS "onyx__unnamed_0", CAST(CAST(CASE WHEN NOT REGEXP_FULL_MATCH("charges"."servicename", '[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?') THEN '' ELSE "charges"."servicename" END AS DECIMAL(10, 2)) AS DECIMAL(38, 2)) AS "onyx__unnamed_1", TRY_CAST(CASE WHEN NOT REGEXP_FULL_MATCH("charges"."servicename", '[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}[ T][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,6})?)?Z?') THEN '' ELSE "charges"."servicename" END AS TIMESTAMP) AS "onyx__unnamed_2" FROM "onyx__t_charges" AS "charges"

-- SELECT date_diff('month', Day, now()), date_add('week', n, Day), date_parse(ServiceName, '%Y-%m-%d') FROM charges
SELECT DATE_SUB('month', CAST("charges"."day" AS TIMESTAMP), CAST(CAST('2026-11-20 09:30:00.000000' AS TIMESTAMP) AS TIMESTAMP)) AS "onyx__unnamed_0", CAST(("charges"."day" + TO_DAYS(CAST(("charges"."n") * 7 AS INT))) AS DATE) AS "onyx__unnamed_1", STRPTIME("charges"."servicename", '%Y-%m-%d') AS "onyx__unnamed_2" FROM "onyx__t_charges" AS "charges"

-- SELECT sum(n) OVER (ORDER BY Day RANGE BETWEEN INTERVAL '7' DAY PRECEDING AND CURRENT ROW), lag(BilledCost, 2, 0) OVER (ORDER BY Day) FROM charges
SELECT CAST(SUM("charges"."n") OVER (ORDER BY "charges"."day" ASC NULLS LAST RANGE BETWEEN INTERVAL '7 day' PRECEDING AND CURRENT ROW) AS BIGINT) AS "onyx__unnamed_0", LAG("charges"."billedcost", 2, CAST(0 AS DECIMAL(38, 18))) OVER (ORDER BY "charges"."day" ASC NULLS LAST) AS "onyx__unnamed_1" FROM "onyx__t_charges" AS "charges"

-- SELECT n FROM charges WHERE ServiceName NOT LIKE 'a!%%' ESCAPE '!' AND BilledCost IN (SELECT n FROM small)
SELECT "charges"."n" AS "n" FROM "onyx__t_charges" AS "charges" WHERE (NOT LIKE_ESCAPE("charges"."servicename", 'a!%%', '!')) AND ("charges"."billedcost" IN (SELECT "small"."n" AS "n" FROM "onyx__t_small" AS "small"))

-- SELECT 5 AS k, count(*) FROM charges GROUP BY 1
SELECT 5 AS "k", COUNT(*) AS "onyx__unnamed_1" FROM "onyx__t_charges" AS "charges" GROUP BY CAST(1 AS BIGINT)
