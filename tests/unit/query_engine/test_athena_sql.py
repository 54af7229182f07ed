"""Snapshots of what Athena is given: over the published set, in Trino's SQL, or not at all.

ONYX_WRITE_SNAPSHOTS=1 writes them anew. Nothing here runs it; sqlglot's reader of Athena's SQL reads it again.
"""
# One query a line reads better than one that is broken for its length.
# ruff: noqa: E501

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

from services.query_engine.domain.front_door import compile_query, plan_for, read_query
from services.query_engine.domain.policies import Binding, row_policy
from services.query_engine.domain.restricting import restricted
from services.query_engine.domain.tables import Column, FileGroup, Table, Version
from shared.errors import BadRequest
from tests.fakes.query_engine import CHARGES, NOW
from tests.fakes.query_engine_athena import published_tables
from tests.unit.query_engine.conftest import SNAPSHOTS
from tests.unit.query_engine.corpus_bills import corpus_tables
from tests.unit.query_engine.finops_queries import QUERIES as FINOPS
from tests.unit.query_engine.test_corpus import QUERIES, name_of
from tests.unit.query_engine.test_duckdb_sql import CASES as SHARED

TARGET = SNAPSHOTS / "athena.sql"
DECLINED = "SELECT try_cast(ServiceName AS bigint), cast(ServiceName AS decimal(10, 2)), try_cast(ServiceName AS timestamp) FROM charges"
"""Of the shared cases: Athena reads fewer texts as timestamps."""
CASES = (
    *(each for each in SHARED if each != DECLINED),
    "SELECT Day - interval '2' week, Day + interval '1' quarter, week(Day), extract(dow FROM Day), last_day_of_month(Day) FROM charges",
    "SELECT from_iso8601_timestamp(ServiceName), from_iso8601_timestamp('2026-09-01T00:00:00Z'), hour(ChargePeriodStart) FROM charges",
    "SELECT array_join(array_sort(array_agg(DISTINCT RegionId)), ','), map_keys(Tags)[1], cardinality(Tags) FROM charges GROUP BY Tags['a'], map_keys(Tags)[1], cardinality(Tags)",
    "SELECT try(n / m), element_at(split(ServiceName, '-'), 2), filter(split(ServiceName, '-'), x -> length(x) > 2)[1] FROM charges",
    "SELECT k, v, count(*) FROM charges CROSS JOIN UNNEST(Tags) AS t(k, v) GROUP BY 1, 2",
    "SELECT RegionId, grouping(RegionId), sum(BilledCost) FROM charges GROUP BY ROLLUP (RegionId) ORDER BY 1 OFFSET 2 LIMIT 3",
    "SELECT json_extract_scalar(ServiceName, '$.a'), regexp_extract(ServiceName, '(a)(b)', 2), concat_ws('-', ServiceName, RegionId) FROM charges",
    "SELECT n FROM charges WHERE (n, m) IN ((1, 2), (3, 4)) AND EXISTS (SELECT 1 FROM small s WHERE s.n = charges.n)",
    "(SELECT n FROM charges) INTERSECT (SELECT n FROM small)",
)


def test_every_case_is_written_as_it_was() -> None:
    tables = published_tables()
    written = "\n".join(f"-- {case}\n{compile_query(case, tables, NOW, 'athena').sql}\n" for case in CASES)
    if os.environ.get("ONYX_WRITE_SNAPSHOTS"):
        TARGET.write_text(written, encoding="utf-8")
    assert written == TARGET.read_text(encoding="utf-8")


def athena(sql: str, tables: Mapping[str, Table] | None = None) -> str:
    return compile_query(sql, tables or published_tables(), NOW, "athena").sql


def tables_read(sql: str) -> set[str]:
    return {
        each.sql("athena") for each in sqlglot.parse_one(sql, dialect="athena").find_all(exp.Table) if each.db
    }


def test_whatever_is_written_can_be_read_again() -> None:
    for case in (*CASES, *(each if isinstance(each, str) else each[0] for each in FINOPS)):
        again = sqlglot.parse_one(athena(case), dialect="athena")
        assert {each.db for each in again.find_all(exp.Table) if each.db} == {"onyx_dev_acme"}


# --- the published set ---


def test_each_bill_is_its_partition_of_its_snapshot() -> None:
    sql = athena("SELECT sum(BilledCost) FROM charges")
    assert sql == (
        'WITH "onyx__t_charges" AS ('
        'SELECT "billedcost" FROM "onyx_dev_acme"."charges" FOR VERSION AS OF 100'
        " WHERE (\"x_source\" = 'aws') AND (\"x_billingperiod\" = '2026-08')"
        " UNION ALL "
        'SELECT "billedcost" FROM "onyx_dev_acme"."charges" FOR VERSION AS OF 101'
        " WHERE (\"x_source\" = 'aws') AND (\"x_billingperiod\" = '2026-09'))"
        ' SELECT SUM("charges"."billedcost") AS "onyx__unnamed_0" FROM "onyx__t_charges" AS "charges"'
    )


def test_a_column_that_a_bill_lacks_is_null_of_its_type() -> None:
    sql = athena("SELECT Tags['env'] FROM charges")
    assert (
        'SELECT CAST(NULL AS MAP(VARCHAR, VARCHAR)) AS "tags" FROM "onyx_dev_acme"."charges" FOR VERSION AS OF 100'
        in sql
    )
    assert 'SELECT "tags" FROM "onyx_dev_acme"."charges" FOR VERSION AS OF 101' in sql


def test_bills_whose_files_were_left_out_are_not_read() -> None:
    query = read_query("SELECT n FROM charges", published_tables(), NOW)
    charges = query.tables["charges"]
    one = replace(query, tables={"charges": replace(charges, groups=charges.groups[1:])})
    assert "VERSION AS OF 100" not in plan_for("athena", one).sql
    none = replace(query, tables={"charges": replace(charges, groups=())})
    assert plan_for("athena", none).sql.startswith(
        'WITH "onyx__t_charges" AS (SELECT CAST(NULL AS BIGINT) AS "n" WHERE FALSE)'
    )


def test_tables_at_a_moment_are_those_of_then() -> None:
    earlier = {
        name: replace(table, versions=tuple(replace(each, snapshot_id=7) for each in table.versions))
        for name, table in published_tables(periods=("2026-08",)).items()
    }
    sql = "SELECT a.n FROM charges a JOIN charges FOR TIMESTAMP AS OF TIMESTAMP '2026-09-15 00:00:00 UTC' b ON a.n = b.n"
    query = read_query(
        sql, published_tables(), NOW, earlier={datetime(2026, 9, 15, tzinfo=UTC): earlier}.__getitem__
    )
    numbers = re.findall(r"VERSION AS OF (\d+)", plan_for("athena", query).sql)
    assert sorted(numbers) == ["100", "101", "7"]


def test_a_tenants_query_names_its_own_database_only() -> None:
    mine = athena("SELECT count(*) FROM charges JOIN small USING (n)", published_tables("globex"))
    assert all(each.startswith('"onyx_dev_globex".') for each in tables_read(mine))


def test_a_row_policy_stands_below_the_aggregate() -> None:
    """As it does in the statement that every engine is given."""
    query = read_query("SELECT sum(BilledCost) FROM charges", published_tables(), NOW)
    bound = restricted(query, Binding(row_policy(tags={"env": ["prod"]})))
    sql = plan_for("athena", bound).sql
    assert sql.endswith(
        'SELECT SUM("charges"."billedcost") AS "onyx__unnamed_0" FROM "onyx__t_charges" AS "charges"'
        " WHERE ELEMENT_AT(\"charges\".\"tags\", 'env') IN ('prod')"
    )


def test_a_set_whose_versions_are_not_known_is_declined() -> None:
    tables = {name: replace(table, versions=()) for name, table in published_tables().items()}
    with pytest.raises(BadRequest) as refused:
        athena("SELECT n FROM charges", tables)
    assert refused.value.code == "UNSUPPORTED_SQL"


def test_a_column_of_two_types_is_declined() -> None:
    text = tuple(Column("N", "varchar") if each.name == "N" else each for each in CHARGES)
    charges = published_tables()["charges"]
    first = replace(charges.versions[0], columns=text)
    odd = {"charges": replace(charges, versions=(first, *charges.versions[1:]))}
    with pytest.raises(BadRequest) as refused:
        athena("SELECT n FROM charges", odd)
    assert (refused.value.code, "two types" in refused.value.detail) == ("UNSUPPORTED_SQL", True)
    assert "billedcost" in athena("SELECT BilledCost FROM charges", odd)


# --- what Athena would answer otherwise ---


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("SELECT Tags FROM charges", "UNSUPPORTED_SQL"),
        ("SELECT array_agg(n) FROM charges", "UNSUPPORTED_SQL"),
        ("SELECT json_extract(ServiceName, '$.a') FROM charges", "UNSUPPORTED_SQL"),
        ("SELECT approx_percentile(BilledCost, 0.5) FROM charges", "UNSUPPORTED_FUNCTION"),
        ("SELECT listagg(ServiceName, ',') WITHIN GROUP (ORDER BY n) FROM charges", "UNSUPPORTED_FUNCTION"),
        ("SELECT from_unixtime(n) FROM charges", "UNSUPPORTED_FUNCTION"),
        ("SELECT typeof(ChargePeriodStart) FROM charges", "UNSUPPORTED_FUNCTION"),
        ("SELECT cast(F AS decimal(10, 2)) FROM charges", "UNSUPPORTED_SQL"),
        ("SELECT cast(ServiceName AS timestamp) FROM charges", "UNSUPPORTED_SQL"),
        ("SELECT n FROM charges WHERE n > ALL (SELECT n FROM small)", "UNSUPPORTED_SQL"),
        (DECLINED, "UNSUPPORTED_SQL"),
    ],
)
def test_it_is_declined(sql: str, code: str) -> None:
    with pytest.raises(BadRequest) as refused:
        athena(sql)
    assert refused.value.code == code


@pytest.mark.parametrize("sql", ["SELECT ServiceName + 1 FROM charges", "SELECT n FROM charges GROUP BY m"])
def test_a_mistake_is_the_callers_whichever_engine_is_asked(sql: str) -> None:
    codes = set()
    for engine in ("duckdb", "athena"):
        with pytest.raises(BadRequest) as refused:
            compile_query(sql, published_tables(), NOW, engine)
        codes.add(refused.value.code)
    assert codes in ({"TYPE_MISMATCH"}, {"NOT_GROUPED"})


def test_a_text_that_grows_too_long_is_declined() -> None:
    quotients = ", ".join(f"BilledCost / {number}" for number in range(2, 300))
    with pytest.raises(BadRequest) as refused:
        athena(f"SELECT {quotients} FROM charges")
    assert (refused.value.code, "bytes" in refused.value.detail) == ("UNSUPPORTED_SQL", True)


# --- the corpus ---

NOT_WRITTEN = {"charges/median_day": "UNSUPPORTED_FUNCTION"}


def test_the_corpus_is_written_but_for_what_is_named(tmp_path: Path) -> None:
    bills = {name: _published(table) for name, table in corpus_tables(tmp_path).items()}
    declined = {}
    for path in QUERIES:
        query = read_query(path.read_text(), bills, NOW)
        try:
            sqlglot.parse_one(plan_for("athena", query).sql, dialect="athena")
        except BadRequest as refused:
            declined[name_of(path)] = refused.code
    assert declined == NOT_WRITTEN


def _published(table: Table) -> Table:
    def version(number: int, group: FileGroup) -> Version:
        own = (("source", "aws"), ("billing_period", f"2026-{number:02}"))
        return Version("onyx_dev_acme", table.name, number, own, group.columns, group.files)

    return replace(
        table, versions=tuple(version(at, group) for at, group in enumerate(table.groups, start=8))
    )
