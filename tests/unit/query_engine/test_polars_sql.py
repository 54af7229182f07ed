"""Snapshots of what Polars is given. ONYX_WRITE_SNAPSHOTS=1 writes them anew."""
# One query a line reads better than one that is broken for its length.
# ruff: noqa: E501

import os

from services.query_engine.domain.front_door import compile_query
from tests.fakes.query_engine import NOW, demo_tables
from tests.unit.query_engine.conftest import SNAPSHOTS

TARGET = SNAPSHOTS / "polars.sql"

CASES = (
    "SELECT ServiceName, sum(BilledCost) AS c FROM charges GROUP BY 1 ORDER BY 2 DESC LIMIT 5",
    "SELECT 1/2, n/2, n/m, n%m, n+m, n*2, -n FROM charges",
    "SELECT BilledCost*EffectiveCost FROM charges",
    "SELECT BilledCost*2, BilledCost*1.05, BilledCost/3, BilledCost+1, F*BilledCost FROM charges",
    "SELECT avg(BilledCost), avg(n), sum(n), count(*), count_if(n > 1), approx_distinct(n) FROM charges",
    "SELECT avg(BilledCost) FILTER (WHERE Flag) OVER (PARTITION BY RegionId ORDER BY Day DESC) FROM charges",
    "SELECT n FROM charges ORDER BY n, m DESC, f NULLS FIRST",
    "SELECT Tags['env'], element_at(Tags, 'app') FROM charges WHERE Tags['env'] = 'prod'",
    "SELECT date_trunc('month', ChargePeriodStart), date_format(Day, '%Y-%m'), year(Day) FROM charges",
    "SELECT Day + interval '1' month, date_add('day', -7, Day), date_diff('hour', ChargePeriodStart, now()) FROM small",
    "SELECT n FROM charges WHERE ChargePeriodStart >= date '2026-09-01' AND Day < '2026-10-01' OR n IN (1, 2)",
    "SELECT cast(BilledCost AS decimal(10,2)), cast(ChargePeriodStart AS varchar), cast('1.005' AS decimal(4,2)) FROM charges",
    "SELECT CASE n WHEN 1 THEN 'one' ELSE 'more' END, if(n > 0, n/m), coalesce(n, n/m) FROM charges",
    "SELECT greatest(n, m), concat(ServiceName, RegionId), strpos(RegionId, '-'), split_part(RegionId, '-', 2) FROM charges",
    "SELECT Flag IS TRUE, Flag IS NOT FALSE, NOT Flag AND n BETWEEN 1 AND 2 FROM charges",
    "WITH charges AS (SELECT * FROM small), b AS (SELECT n FROM charges) SELECT count(*) FROM b JOIN charges USING (n)",
    "SELECT n FROM charges UNION SELECT m FROM small ORDER BY 1",
    "SELECT a.n, b.n, a.n FROM charges a LEFT JOIN small b ON a.m = b.m AND b.n > 1",
    "SELECT n FROM charges a WHERE BilledCost > (SELECT avg(b.BilledCost) FROM small b WHERE b.m = a.m)",
)


def test_every_case_is_written_as_it_was() -> None:
    tables = demo_tables()
    written = "\n".join(f"-- {case}\n{compile_query(case, tables, NOW).sql}\n" for case in CASES)
    if os.environ.get("ONYX_WRITE_SNAPSHOTS"):
        TARGET.write_text(written, encoding="utf-8")
    assert written == TARGET.read_text(encoding="utf-8")
