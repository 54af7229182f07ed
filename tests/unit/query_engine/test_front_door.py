"""What is refused, with which code, and where the refusal points."""

import pytest

from services.query_engine.domain.front_door import compile_query
from services.query_engine.domain.plan import Plan
from shared.errors import BadRequest
from tests.fakes.query_engine import NOW, demo_tables

TABLES = demo_tables()


def refusal(sql: str) -> BadRequest:
    with pytest.raises(BadRequest) as caught:
        compile_query(sql, TABLES, NOW)
    return caught.value


def plan(sql: str) -> Plan:
    return compile_query(sql, TABLES, NOW)


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("", "SQL_SYNTAX"),
        ("-- nothing", "SQL_SYNTAX"),
        ("selec 1", "SQL_SYNTAX"),
        ("select n from charges where", "SQL_SYNTAX"),
        ("select 'open", "SQL_SYNTAX"),
        ("select (1", "SQL_SYNTAX"),
        ("select 1\x00", "SQL_SYNTAX"),
        ("select 1; select 2", "SQL_MULTIPLE_STATEMENTS"),
        ("select 1; drop table charges", "SQL_MULTIPLE_STATEMENTS"),
        ("insert into charges values (1)", "SQL_NOT_SELECT"),
        ("update charges set n = 1", "SQL_NOT_SELECT"),
        ("delete from charges", "SQL_NOT_SELECT"),
        ("drop table charges", "SQL_NOT_SELECT"),
        ("create table x as select 1", "SQL_NOT_SELECT"),
        ("truncate table charges", "SQL_NOT_SELECT"),
        ("copy charges to 'x'", "SQL_NOT_SELECT"),
        ("attach 'x'", "SQL_SYNTAX"),
        ("select n from charges qualify row_number() over () = 1", "SQL_SYNTAX"),
        ("select x -> x + 1 from charges", "UNSUPPORTED_FUNCTION"),
        ("select n from charges cross join unnest(array[1, 2]) as t(x)", "UNSUPPORTED_SQL"),
        ("set x = 1", "SQL_NOT_SELECT"),
        ("show tables", "SQL_NOT_SELECT"),
        ("explain select 1", "SQL_NOT_SELECT"),
        ("call f()", "SQL_NOT_SELECT"),
        ("values (1)", "SQL_NOT_SELECT"),
        ("select n into x from charges", "SQL_NOT_SELECT"),
        ("with x as (delete from charges returning *) select * from x", "SQL_NOT_SELECT"),
        ("select * from nowhere", "UNKNOWN_TABLE"),
        ("select * from other.charges", "UNKNOWN_TABLE"),
        ("select * from onyx_dev_acme.charges", "UNKNOWN_TABLE"),
        ("select * from awsdatacatalog.acme.charges", "UNKNOWN_TABLE"),
        ("select * from information_schema.tables", "UNKNOWN_TABLE"),
        ('select * from "s3://lake/globex/x.parquet"', "UNKNOWN_TABLE"),
        ("select * from '/etc/passwd'", "UNKNOWN_TABLE"),
        ("select * from read_parquet('s3://lake/globex/x.parquet')", "UNKNOWN_TABLE"),
        ("select * from read_csv('/etc/passwd')", "UNKNOWN_TABLE"),
        ("select * from generate_series(1, 10)", "UNKNOWN_TABLE"),
        ("select * from table(system.query(query => 'select 1'))", "UNKNOWN_TABLE"),
        ("select x.n from charges c", "UNKNOWN_TABLE"),
        ("with a as (select * from b), b as (select 1 n) select * from a", "UNKNOWN_TABLE"),
        ("select nope from charges", "UNKNOWN_COLUMN"),
        ("select c.nope from charges c", "UNKNOWN_COLUMN"),
        ("select n from (select m from charges) t", "UNKNOWN_COLUMN"),
        ("select n from charges where exists (select 1 from small where nope = 1)", "UNKNOWN_COLUMN"),
        ("select n from charges a join small b on a.n = b.n", "AMBIGUOUS_COLUMN"),
        ("select crc32(ServiceName) from charges", "UNSUPPORTED_FUNCTION"),
        ("select read_parquet('x') from charges", "UNSUPPORTED_FUNCTION"),
        ("select made_up(n) from charges", "UNSUPPORTED_FUNCTION"),
        ("select ServiceName + 1 from charges", "TYPE_MISMATCH"),
        ("select n from charges where ServiceName = 1", "TYPE_MISMATCH"),
        ("select n from charges where n", "TYPE_MISMATCH"),
        ("select sum(ServiceName) from charges", "TYPE_MISMATCH"),
        ("select case when Flag then 1 else 'x' end from charges", "TYPE_MISMATCH"),
        ("select n from charges where Day > 'soon'", "TYPE_MISMATCH"),
        ("select n from charges union select ServiceName from charges", "TYPE_MISMATCH"),
        ("select n from charges union select BilledCost from charges", "TYPE_MISMATCH"),
        ("select null as x union all select BilledCost from charges", "TYPE_MISMATCH"),
        ("select Day + interval '1' hour from charges", "TYPE_MISMATCH"),
        ("select n, sum(m) from charges", "NOT_GROUPED"),
        ("select sum(n) from charges group by m order by f", "NOT_GROUPED"),
        ("select cast('x' as bigint), cast('2026-02-30' as date)", "INVALID_CAST"),
    ],
)
def test_refusals(sql: str, code: str) -> None:
    assert refusal(sql).code == code


@pytest.mark.parametrize("sql", ["show tables", "show columns from charges", "describe charges"])
def test_who_looks_for_tables_is_told_where_they_are_listed(sql: str) -> None:
    assert "GET /v1/query/tables" in refusal(sql).detail


def test_a_table_that_is_not_there_is_told_with_those_that_are() -> None:
    assert "There is no table nowhere; there are charges, " in refusal("select * from nowhere").detail
    with pytest.raises(BadRequest) as caught:
        compile_query("select * from charges", {}, NOW)
    assert "There is no table charges: no bill is published yet" in caught.value.detail


@pytest.mark.parametrize(
    "sql",
    [
        "with recursive x as (select 1 n union all select n + 1 from x) select * from x",
        "select * from charges tablesample bernoulli (10)",
        "select * from charges for timestamp as of timestamp '2026-01-01 00:00:00'",
        "select n from charges, lateral (select 1) t",
        "select n, sum(m) from charges group by rollup (n)",
        "select n, sum(m) from charges group by grouping sets ((n), ())",
        "select distinct on (n) n from charges",
        "select n from charges natural join small",
        "select n from charges where ServiceName like 'a!%' escape '!'",
        "select n from charges limit all",
        "select n from charges where n > all (select m from small)",
        "select ChargePeriodStart at time zone 'UTC' from charges",
        "select sum(n) over (order by n range between 1 preceding and current row) from charges",
        "select sum(BilledCost) over (order by n rows between 100 preceding and current row) from charges",
        "select avg(BilledCost) over (order by n rows between 1 preceding and 2 preceding) from charges",
        "select sum(BilledCost) filter (where n > 1) over (order by n rows 2 preceding) from charges",
        "select ?",
        "select Tags from charges where Tags = Tags",
        "select Tags, count(*) from charges group by Tags",
        "select Tags[ServiceName] from charges",
        "select Tags['a'] from (select Tags from charges) t",
        "select n from charges where 1 = 0.1234567890123456789",
        "select cast(n as decimal(38, 20)) from charges",
        "select 9223372036854775808",
        "select 1 where 1 = 0",
        "select * from (select n, n from charges) t",
        "select onyx__t_charges.n from charges onyx__t_charges",
        "select * from (values (1)) t(x)",
        "select cast(F as varchar) from charges",
        "select substr(ServiceName, -2) from charges",
        "select interval '1' day",
        "select Day + interval '-1' day from charges",
    ],
)
def test_what_cannot_be_answered_rightly_is_declined(sql: str) -> None:
    error = refusal(sql)
    assert error.code in ("UNSUPPORTED_SQL", "SQL_NOT_SELECT")
    assert error.detail


def test_a_refusal_points_at_the_place_and_the_nearest_name() -> None:
    error = refusal("SELECT RegionId,\n       ServicName\nFROM charges")
    assert error.errors == [
        {
            "message": "There is no column ServicName",
            "line": 2,
            "column": 8,
            "token": "ServicName",
            "nearest": ["ServiceName"],
        }
    ]
    assert error.detail == "There is no column ServicName (line 2, column 8). Did you mean ServiceName?"
    assert refusal("select * from charge").errors[0]["nearest"] == ["charges"]
    assert refusal("select cout(n) from charges").errors[0]["nearest"][0] in ("count", "count_if")
    assert refusal("select n frm charges x y").errors[0]["line"] == 1


@pytest.mark.parametrize(
    "sql",
    [
        "select '" + "x" * 263_000 + "'",
        "select " + "(" * 500 + "1" + ")" * 500,
        "select n from charges where " + " or ".join(f"n = {each}" for each in range(10_000)),
        "select n from charges where " + " or ".join(f"n={each}" for each in range(1_000)),
        "select " + "- " * 2000 + "1",
        "select " + "not " * 2000 + "Flag from charges",
        "select " + "case when Flag then " * 200 + "1" + " end" * 200 + " from charges",
        "select " + " + ".join(["n"] * 2_900) + " from charges",
        "select n from charges where n in (" + ",".join(["1"] * 30_000) + ")",
        " union all ".join(["select 1"] * 500),
        "select " + "[" * 300 + "1" + "]" * 300,
        "select * from " + "(select * from " * 100 + "charges" + ") t" * 100,
    ],
)
def test_what_is_too_much_is_refused_before_it_hurts(sql: str) -> None:
    assert refusal(sql).code in ("SQL_TOO_COMPLEX", "SQL_SYNTAX")


def test_a_long_but_bounded_query_is_taken() -> None:
    wanted = " or ".join(f"n = {each}" for each in range(400))
    assert plan(f"select count(*) from charges where {wanted}").sql.count(" OR ") == 399
    listed = ", ".join(f"{each}" for each in range(5_000))
    assert "IN (" in plan(f"select count(*) from charges where n in ({listed})").sql


def test_names_are_found_without_regard_to_case_and_answered_as_the_bill_writes_them() -> None:
    sql = 'select SERVICENAME, "billedCOST", sum(n) as MyTotal, 1 from CHARGES group by 1, 2'
    assert plan(sql).columns == (
        "ServiceName",
        "BilledCost",
        "MyTotal",
        "_col3",
    )
    assert plan("select * from charges").columns == tuple(each.name for each in TABLES["charges"].columns)
    assert plan("with t as (select n as Total from charges) select total from t").columns == ("Total",)
    assert plan("select a.n, b.n from charges a join small b on a.m = b.m").columns == ("N", "N_1")


def test_only_the_tables_that_are_read_are_bound() -> None:
    assert [each.name for each in plan("select 1").tables] == []
    assert [each.name for each in plan("select n from Charges").tables] == ["onyx__t_charges"]
    assert [each.name for each in plan("with charges as (select 1 n) select n from charges").tables] == []
    both = plan("with charges as (select n from charges) select * from charges")
    assert [each.name for each in both.tables] == ["onyx__t_charges"]


def test_the_moment_of_planning_is_now() -> None:
    sql = plan("select current_date, now()").sql
    assert "'2026-11-20'" in sql
    assert "'2026-11-20 09:30:00.000000'" in sql
