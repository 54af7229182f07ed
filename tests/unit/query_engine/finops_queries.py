"""FinOps queries in Athena's SQL, with DuckDB's spelling where it has another one.

What DuckDB answers otherwise is written so that both mean the same; each such difference is one of these:
its `/` of integers and its avg of decimals are doubles, a date plus an interval is a timestamp, date_trunc of
a date is a date in Trino, CONCAT and GREATEST skip nulls, ORDER BY ... puts nulls where the connection says.
"""
# One query a line reads better than one that is broken for its length.
# ruff: noqa: E501

# Athena, or (Athena, DuckDB).
QUERIES: tuple[str | tuple[str, str], ...] = (
    "SELECT ServiceName, sum(BilledCost) c FROM charges GROUP BY 1 ORDER BY 2 DESC",
    "SELECT servicename, regionid, count(*), sum(billedcost), min(n), max(billedcost) FROM charges GROUP BY 1, 2",
    "SELECT date_trunc('month', ChargePeriodStart) m, sum(EffectiveCost) c FROM charges GROUP BY 1 ORDER BY 1",
    "SELECT servicename, sum(billedcost) c FROM charges GROUP BY servicename HAVING sum(billedcost) > 1000",
    "SELECT s, c, rank() OVER (ORDER BY c DESC) r FROM (SELECT servicename s, sum(billedcost) c FROM charges GROUP BY 1) t",
    """WITH d AS (SELECT day, sum(billedcost) c FROM charges GROUP BY day), m AS (SELECT max(c) top FROM d)
       SELECT d.day, d.c FROM d JOIN m ON d.c = m.top""",
    "SELECT count(DISTINCT regionid), count(DISTINCT servicename), count(regionid), count(*) FROM charges",
    "SELECT sum(billedcost) FILTER (WHERE flag), count(*) FILTER (WHERE n > 0) FROM charges",
    """SELECT CASE WHEN billedcost > 100 THEN 'high' WHEN billedcost > 0 THEN 'low' ELSE 'credit' END band, count(*)
       FROM charges GROUP BY 1""",
    "SELECT a.servicename, sum(a.billedcost), count(*) FROM small a JOIN small b ON a.regionid = b.regionid GROUP BY 1",
    "SELECT a.n, b.n AS bn FROM small a LEFT JOIN small b ON a.n = b.m AND b.m > 2",
    "SELECT a.n, b.n AS bn FROM small a FULL JOIN small b ON a.n = b.m",
    "SELECT a.n, b.n AS bn FROM small a RIGHT JOIN small b ON a.n = b.m",
    "SELECT a.n FROM small a, small b, small c WHERE a.n = b.n AND b.m = c.m",
    "SELECT count(*) FROM small a CROSS JOIN small b",
    "SELECT n, count(*) FROM small JOIN (SELECT n, m AS k FROM small) t USING (n) GROUP BY n",
    "SELECT DISTINCT servicename, regionid FROM charges",
    "SELECT servicename FROM charges UNION SELECT regionid FROM charges",
    "SELECT servicename FROM small UNION ALL SELECT regionid FROM charges",
    "SELECT n FROM charges EXCEPT SELECT m FROM charges",
    "SELECT n FROM charges INTERSECT SELECT m FROM charges",
    "SELECT n FROM charges WHERE servicename IN ('AmazonEC2', 'AmazonS3') AND n NOT IN (1, 2, 3)",
    "SELECT n FROM charges WHERE servicename LIKE 'Amazon%' AND servicename NOT LIKE '%3' OR servicename LIKE 'a.b'",
    "SELECT n FROM charges WHERE servicename LIKE 'Amazon_RDS%' OR servicename LIKE '[A]%' OR regionid LIKE '%-%-1'",
    "SELECT coalesce(regionid, 'none') r, sum(coalesce(billedcost, 0)) FROM charges GROUP BY 1",
    "SELECT n FROM charges WHERE n IN (SELECT m FROM small) ORDER BY n DESC LIMIT 5",
    "SELECT n FROM small WHERE n NOT IN (SELECT m FROM small)",
    "SELECT servicename FROM charges a WHERE EXISTS (SELECT 1 FROM small b WHERE b.n = a.n AND b.m > a.m)",
    "SELECT n FROM charges WHERE NOT EXISTS (SELECT 1 FROM small b WHERE b.m = charges.m)",
    "SELECT n FROM charges a WHERE billedcost = (SELECT max(b.billedcost) FROM charges b WHERE b.m = a.m)",
    "SELECT (SELECT max(n) FROM charges) - (SELECT min(n) FROM charges) x",
    "SELECT servicename, day, sum(billedcost) OVER (PARTITION BY servicename ORDER BY day) FROM small",
    "SELECT day, sum(n) OVER (ORDER BY day) FROM small",
    """SELECT servicename, n, row_number() OVER (PARTITION BY servicename ORDER BY n DESC, m, billedcost, day) r
       FROM small""",
    "SELECT day, lag(n) OVER (ORDER BY day, n, m, billedcost), lead(n, 2) OVER (ORDER BY day, n, m, billedcost) FROM small",
    "SELECT n, rank() OVER (ORDER BY n), dense_rank() OVER (ORDER BY n DESC) FROM small",
    "SELECT n, first_value(n) OVER (PARTITION BY m ORDER BY day, n, f), last_value(n) OVER (PARTITION BY m ORDER BY n) FROM small",
    """SELECT * FROM (SELECT servicename, billedcost, row_number() OVER (PARTITION BY regionid
       ORDER BY billedcost DESC, n, m) rn FROM charges) WHERE rn <= 2""",
    """SELECT day, sum(c) OVER (ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
       FROM (SELECT day, sum(billedcost) c FROM charges GROUP BY day) t""",
    "SELECT day, sum(n) OVER (ORDER BY day ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) FROM (SELECT day, sum(n) n FROM charges GROUP BY day) t",
    """SELECT servicename, day, sum(billedcost) OVER (PARTITION BY servicename ORDER BY day, n, m
       ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) FROM small""",
    """SELECT day, CAST(avg(sum(billedcost)) OVER (ORDER BY day ROWS BETWEEN 6 PRECEDING AND CURRENT ROW) AS double)
       FROM charges GROUP BY day""",
    """SELECT day, sum(c) OVER (ORDER BY day ROWS BETWEEN 3 PRECEDING AND 1 PRECEDING) b,
       sum(c) OVER (ORDER BY day ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) a, sum(c) OVER (ORDER BY day ROWS 1 PRECEDING) s,
       sum(c) OVER (ORDER BY day ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) r
       FROM (SELECT day, sum(billedcost) c FROM charges GROUP BY day) t""",
    "SELECT servicename, sum(sum(n)) OVER () FROM charges GROUP BY servicename",
    "SELECT year(chargeperiodstart), month(chargeperiodstart), day(day), hour(chargeperiodstart), quarter(day), week(day) FROM charges",
    (
        "SELECT day_of_week(day), day_of_year(day), minute(chargeperiodstart), second(chargeperiodstart) FROM charges",
        "SELECT isodow(day), dayofyear(day), minute(chargeperiodstart), second(chargeperiodstart) FROM charges",
    ),
    "SELECT extract(year FROM day), extract(month FROM chargeperiodstart), count(*) FROM charges GROUP BY 1, 2",
    "SELECT chargeperiodstart + INTERVAL '1' MONTH, chargeperiodstart - INTERVAL '3' HOUR FROM charges",
    (
        "SELECT day + INTERVAL '1' MONTH, day - INTERVAL '1' YEAR, date_add('day', -7, day) FROM charges",
        "SELECT (day + INTERVAL '1' MONTH)::date, (day - INTERVAL '1' YEAR)::date, (day - 7) FROM charges",
    ),
    (
        "SELECT date_trunc('week', day), date_trunc('quarter', day), last_day_of_month(day) FROM charges",
        "SELECT date_trunc('week', day)::date, date_trunc('quarter', day)::date, last_day(day) FROM charges",
    ),
    (
        "SELECT date_diff('day', day, date '2026-12-31') FROM charges",
        "SELECT date '2026-12-31' - day FROM charges",
    ),
    (
        "SELECT date_diff('hour', timestamp '2024-01-01 00:30:00', chargeperiodstart) FROM charges",
        "SELECT (epoch_us(chargeperiodstart) - epoch_us(timestamp '2024-01-01 00:30:00')) // 3600000000 FROM charges",
    ),
    "SELECT date(chargeperiodstart), cast(day AS timestamp), cast(chargeperiodstart AS date) FROM charges",
    """SELECT * FROM (SELECT n, day, chargeperiodstart FROM charges) t WHERE chargeperiodstart >= date '2024-03-01'
       AND chargeperiodstart < timestamp '2024-04-01 00:00:00' AND day BETWEEN date '2024-01-01' AND date '2026-01-01'""",
    "SELECT n, m FROM charges WHERE day > '2025-06-01' ORDER BY n, m",
    (
        "SELECT date_format(chargeperiodstart, '%Y-%m-%d %H:%i:%s'), date_format(day, '%b %e %j') FROM charges",
        "SELECT strftime(chargeperiodstart, '%Y-%m-%d %H:%M:%S'), strftime(day, '%b %-d %j') FROM charges",
    ),
    (
        "SELECT cast(chargeperiodstart AS varchar), cast(day AS varchar) FROM charges",
        "SELECT strftime(chargeperiodstart, '%Y-%m-%d %H:%M:%S.%g'), day::varchar FROM charges",
    ),
    "SELECT upper(servicename), lower(regionid), length(servicename), substr(servicename, 2, 3), reverse(servicename) FROM charges",
    "SELECT replace(servicename, 'A', 'b'), trim(servicename), starts_with(servicename, 'Am'), strpos(regionid, '-') FROM charges",
    ("SELECT split_part(regionid, '-', 1), split_part(regionid, '-', 3) FROM charges",
     "SELECT split_part(regionid, '-', 1), CASE WHEN regionid LIKE '%-%-%' THEN split_part(regionid, '-', 3) END FROM charges"),
    ("SELECT split_part('a.b', '.', 2), split_part('a::c', ':', 2), split_part('a::c', ':', 3), split_part('a.b', '.', 3), split_part(servicename, '.', 2) FROM charges",
     "SELECT 'b', '', 'c', NULL, CASE WHEN servicename LIKE '%.%' THEN split_part(servicename, '.', 2) END FROM charges"),
    ("SELECT concat(servicename, '/', regionid), regexp_like(regionid, '^(us|eu)-') FROM charges",
     "SELECT servicename || '/' || regionid, regexp_matches(regionid, '^(us|eu)-') FROM charges"),
    "SELECT n + m, n - m, n * m, n % m, -n, abs(n), sign(n) FROM charges",
    ("SELECT n / m, n / 2, -7 / 2, 1 / 2 FROM charges", "SELECT n // m, n // 2, -3, 0 FROM charges"),
    ("SELECT nullif(n, 0), greatest(n, m), least(n, m) FROM charges",
     "SELECT nullif(n, 0), CASE WHEN n IS NOT NULL THEN greatest(n, m) END, CASE WHEN n IS NOT NULL THEN least(n, m) END FROM charges"),
    "SELECT billedcost + effectivecost, billedcost - effectivecost, -billedcost, abs(billedcost), billedcost * 2, billedcost + n FROM charges",
    "SELECT round(billedcost, 2), round(billedcost), floor(billedcost), ceil(billedcost) FROM charges",
    "SELECT f * 2, f + n, round(f, 2), floor(f), ceil(f), sqrt(m), power(n, 2), ln(m), exp(m) FROM charges",
    "SELECT cast(n AS varchar), cast(billedcost AS varchar), cast(flag AS varchar), cast(n AS double), cast('12' AS bigint) FROM charges",
    ("SELECT cast(billedcost AS decimal(30, 2)), cast(billedcost AS bigint) FROM charges",
     "SELECT round(billedcost, 2)::decimal(30, 2), round(billedcost)::bigint FROM charges"),
    "SELECT try_cast(regionid AS bigint), try_cast('7' AS bigint) FROM charges",
    "SELECT flag IS TRUE, flag IS FALSE, flag IS NOT TRUE, NOT flag, flag IS NULL, flag AND NULL, flag OR NULL FROM charges",
    "SELECT n IS DISTINCT FROM m, n IS NOT DISTINCT FROM m, n BETWEEN m AND 10, n NOT BETWEEN 0 AND 5 FROM charges",
    "SELECT count_if(n > 3), avg(n), avg(f), min(servicename), max(chargeperiodstart), min(day) FROM charges",
    "SELECT stddev(n), variance(n) FROM charges GROUP BY m",
    "SELECT sum(DISTINCT n), count(DISTINCT n), sum(billedcost) FROM charges GROUP BY servicename",
    "SELECT sum(n), sum(billedcost), count(*), max(day) FROM charges WHERE 1 = 0",
    "SELECT servicename, count(*) FROM charges WHERE 1 = 0 GROUP BY 1",
    "SELECT 'all' k, count(*) FROM charges WHERE 1 = 0 GROUP BY 1",
    "SELECT 'all' k, count(*) FROM charges GROUP BY 1 HAVING count(*) > 1",
    "SELECT 'all' k, servicename, count(*) FROM charges GROUP BY 1, 2",
    "SELECT a.n FROM small a JOIN small b ON a.n = b.billedcost OR a.m = b.n",
    "SELECT a.n FROM small a JOIN (SELECT cast(n AS decimal(38, 18)) d FROM small) b ON a.n = b.d",
    "SELECT n AS m, m AS n FROM charges ORDER BY m, n LIMIT 20",
    "SELECT n + 1 AS n FROM charges WHERE n > 1",
    "SELECT n, count(*) c FROM charges GROUP BY n ORDER BY c DESC, n LIMIT 3 OFFSET 2",
    "SELECT servicename s, sum(billedcost) FROM charges GROUP BY servicename ORDER BY sum(billedcost) DESC NULLS FIRST",
    "SELECT n FROM small WHERE (n > 3 AND NOT m = 2) OR (n BETWEEN -3 AND 2)",
    "SELECT sum(CASE WHEN servicename = 'AmazonEC2' THEN billedcost ELSE 0 END), sum(if(flag, 1, 0)) FROM charges",
    "SELECT CASE m WHEN 1 THEN 'one' WHEN 2 THEN 'two' END, count(*) FROM charges GROUP BY 1",
    ("SELECT CASE WHEN m = 5 THEN 0 ELSE n / (m - 5) END FROM charges",
     "SELECT CASE WHEN m = 5 THEN 0 ELSE trunc(n / (m - 5))::bigint END FROM charges"),
    ("SELECT Tags['env'] env, element_at(Tags, 'none') nil, count(*) FROM charges GROUP BY 1, 2",
     "SELECT Tags['env'] env, NULL nil, count(*) FROM charges GROUP BY 1"),
    "SELECT a.t, count(*) FROM (SELECT Tags['env'] t FROM charges) a GROUP BY a.t HAVING count(*) > 1",
)  # fmt: skip
