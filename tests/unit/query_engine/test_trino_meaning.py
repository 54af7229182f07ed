"""What Trino documents, and ADR 0007 adds, on each engine that takes it; DuckDB takes all of it."""
# One case a line reads better than one that is broken for its length.
# ruff: noqa: E501

import json
from collections.abc import Mapping
from typing import Any

import pytest

from services.query_engine.adapters.engines import run
from services.query_engine.domain.front_door import plan_for, read_query
from services.query_engine.domain.router import DECLINED
from services.query_engine.domain.tables import Table
from shared.errors import OnyxError
from tests.fakes.query_engine import NOW
from tests.unit.query_engine.conftest import LIMITS

CASES: tuple[tuple[str, list[Any]], ...] = (
    # Integers
    ("7 / 2, -7 / 2, 7 / -2, 7 % 3, -7 % 3, 1 / 2", [3, -3, -3, 1, -1, 0]),
    ("2000000000 + 2000000000, 100000 * 100000, -(3)", [4000000000, 10000000000, -3]),
    # Decimals: exact, rounded once, half even
    ("1.0 / 3, 2.0 / 3, 1.5 * 1.5", ["0.333333333333333333", "0.666666666666666667", "2.25"]),
    ("0.0000000005 * 0.000000001, 0.0000000015 * 0.000000001", ["0", "0.000000000000000002"]),
    ("1000000.0 * 1000000.0, 1000000.123456789 * 1000000.987654321", ["1000000000000", "1000001111111.231932631112635269"]),
    ("7.5 % 2.25, -7.5 % 2, 1.005 + 1.00, 1.5 - 2", ["0.75", "-1.5", "2.005", "-0.5"]),
    ("round(2.5), round(-2.5), round(2.345, 2), round(1.005, 2), truncate(-2.7)", ["3", "-3", "2.35", "1.01", "-2"]),
    ("round(1555.5, -2), round(1555, -2), round(7, 2)", ["1600", 1600, 7]),
    ("floor(-2.5), ceil(-2.5), abs(-2.5), sign(-2.5), sign(-3)", ["-3", "-2", "2.5", "-1", -1]),
    ("case when 1 = 1 then 1.005 else 1.5 end, coalesce(null, 1.005, 1.5), greatest(1.005, 1), nullif(1.005, 1.0)", ["1.005", "1.005", "1.005", "1.005"]),
    ("1.005 = 1.00, 1.005 in (1.00, 1.01), 1.5 between 1 and 1.50, 1 = 1.0", [False, False, True, True]),
    # Doubles
    ("round(2.5e0), round(-2.5e0), round(0.125e0, 2), 1e0 / 0, round(0e0)", [3.0, -3.0, 0.13, "Infinity", 0.0]),
    ("1e0 / 4, 7e0 % 4, sqrt(16), power(2, 10), exp(0)", [0.25, 3.0, 4.0, 1024.0, 1.0]),
    # Casts
    ("cast(2.5 as bigint), cast(-2.5 as bigint), cast(2.5e0 as bigint), cast('-12' as bigint), cast('+7' as integer)", [3, -3, 3, -12, 7]),
    ("cast('1.005' as decimal(4, 2)), cast(1.005 as decimal(4, 2)), cast(-1.005 as decimal(4, 2)), cast(7 as decimal(10, 2))", ["1.01", "1.01", "-1.01", "7"]),
    ("cast(1.50 as varchar), cast(7 as varchar), cast(true as varchar), cast(date '2024-02-29' as varchar)", ["1.50", "7", "true", "2024-02-29"]),
    ("cast(timestamp '2024-02-29 01:02:03.5' as varchar), cast('abcdef' as varchar(3))", ["2024-02-29 01:02:03.500", "abc"]),
    ("try_cast('x' as bigint), try_cast('1_000' as bigint), try_cast('0x10' as bigint), try_cast('2.5' as bigint), try_cast('' as bigint)", [None] * 5),
    ("try_cast('1e3' as double), try_cast('.5' as decimal(3, 1)), try_cast('x' as decimal(3, 1))", [1000.0, "0.5", None]),
    ("try_cast('01/02/2026' as date), try_cast('2026-02-30' as date), try_cast('2026-02-28' as date)", [None, None, "2026-02-28"]),
    ("cast('2024-02-29 23:59' as timestamp), cast('2024-02-29' as timestamp)", ["2024-02-29T23:59:00Z", "2024-02-29T00:00:00Z"]),
    # Texts
    ("substr('hello', 2), substr('hello', 2, 3), substr('hello', 9), substr('hello', 2, 0)", ["ello", "ell", "", ""]),
    ("substr('hello', -2), substr('hello', -3, 2), substr('hello', 0), substr('hello', -9)", ["lo", "ll", "", ""]),
    ("split_part('a-b', '-', 1), split_part('a-b', '-', 2), split_part('a-b', '-', 3), split_part('', '-', 1)", ["a", "b", None, ""]),
    ("strpos('abc', 'c'), strpos('abc', 'z'), strpos('abc', ''), position('b' in 'abc'), length('né')", [3, 0, 1, 2, 2]),
    ("lower('ÀB'), upper('éa'), reverse('abc'), replace('abcb', 'b'), replace('abcb', 'b', 'x'), replace('ab', '', '-')", ["àb", "ÉA", "cba", "ac", "axcx", "-a-b-"]),
    ("trim('  a '), ltrim('  a '), rtrim('  a ')", ["a", "a ", "  a"]),
    ("concat('a', 'b', 'c'), 'a' || 'b', concat('a', cast(null as varchar)), 'a' || null", ["abc", "ab", None, None]),
    ("starts_with('abc', 'ab'), regexp_like('eu-west-1', '^eu-'), 'a_b' like 'a_b', 'axb' like 'a_b', 'a.b' not like 'a%'", [True, True, True, True, False]),
    ("'50%' like '50!%' escape '!', '500' like '50!%' escape '!', '50%' not like '50!%' escape '!'", [True, False, False]),
    # Nulls
    ("greatest(1, null, 3), least(1, null), coalesce(null, null), nullif(1, 1), null = null, null is null", [None, None, None, None, None, True]),
    ("1 in (2, null), 1 in (1, null), 1 not in (2, null), null in (1)", [None, True, None, None]),
    ("null and false, null or true, not null, 1 is distinct from null, null is not distinct from null", [False, True, None, True, True]),
    # Time
    ("date '2024-01-31' + interval '1' month, date '2024-02-29' - interval '1' year, timestamp '2024-01-31 10:00:00' + interval '1' month", ["2024-02-29", "2023-02-28", "2024-02-29T10:00:00Z"]),
    ("date_add('month', 1, date '2023-01-31'), date_add('year', -1, date '2024-02-29'), date_add('hour', 25, timestamp '2024-02-28 23:00:00')", ["2023-02-28", "2023-02-28", "2024-03-01T00:00:00Z"]),
    ("date_diff('day', date '2024-02-28', date '2024-03-01'), date_diff('hour', timestamp '2024-01-01 00:30:00', timestamp '2024-01-01 02:00:00'), date_diff('day', timestamp '2024-01-01 23:00:00', timestamp '2024-01-02 22:00:00')", [2, 1, 0]),
    ("date_diff('month', date '2024-01-31', date '2024-02-29'), date_diff('month', date '2024-02-29', date '2024-01-31'), date_diff('year', date '2024-02-29', date '2025-02-28'), date_diff('quarter', date '2024-01-01', date '2024-12-31')", [1, -1, 1, 3]),
    ("date_trunc('month', date '2024-02-29'), date_trunc('quarter', date '2024-05-05'), date_trunc('week', date '2024-02-29'), date_trunc('hour', timestamp '2024-02-29 10:59:59')", ["2024-02-01", "2024-04-01", "2024-02-26", "2024-02-29T10:00:00Z"]),
    ("date_format(timestamp '2024-02-05 13:04:05', '%Y-%m-%d %H:%i:%s'), date_format(timestamp '2024-02-05 13:04:05', '%b %e %y %h %p %j %W %M %c'), date_format(date '2024-02-05', '%T')", ["2024-02-05 13:04:05", "Feb 5 24 01 PM 036 Monday February 2", "00:00:00"]),
    ("date_parse('2024-02-29 23:59', '%Y-%m-%d %H:%i'), from_iso8601_timestamp('2024-02-29T01:02:03Z'), from_iso8601_date('2024-02-29')", ["2024-02-29T23:59:00Z", "2024-02-29T01:02:03Z", "2024-02-29"]),
    ("last_day_of_month(date '2024-02-10'), last_day_of_month(timestamp '2023-02-10 10:00:00'), date('2024-02-29'), date(timestamp '2024-02-29 23:59:59')", ["2024-02-29", "2023-02-28", "2024-02-29", "2024-02-29"]),
    ("year(date '2024-12-30'), week(date '2024-12-30'), quarter(date '2024-12-30'), day_of_week(date '2024-12-29'), day_of_year(date '2024-12-31'), extract(month from timestamp '2024-02-29 01:02:03'), second(timestamp '2024-02-29 01:02:03.9')", [2024, 1, 4, 7, 366, 2, 3]),
    ("hour(timestamp '1969-12-31 23:59:59.999999'), minute(timestamp '1969-12-31 23:59:59.999999'), second(timestamp '1969-12-31 23:59:59.999999'), extract(hour from timestamp '1970-01-01 00:00:00'), hour(timestamp '2024-02-29 13:05:09'), minute(timestamp '2024-02-29 13:05:09'), hour(cast(null as timestamp))", [23, 59, 59, 0, 13, 5, None]),
    ("date '2024-02-29' = timestamp '2024-02-29 00:00:00', date '2024-02-29' < '2024-03-01', timestamp '2024-02-29 10:00:00' between '2024-02-29' and '2024-03-01'", [True, True, True]),
    ("current_date, now()", ["2026-11-20", "2026-11-20T09:30:00Z"]),
)  # fmt: skip

ROWS: tuple[tuple[str, list[list[Any]]], ...] = (
    ("select case when count(*) < 0 then 1 / 0 else 7 end, if(count(*) < 0, 1.5 % 0, 2.5) from charges", [[7, "2.5"]]),
    ("select 1 where 1 = 0", []),
    ("select count(*) where 1 = 0", [[0]]),
    ("select 1 having 1 = 0", []),
    ("select sum(n), count(*), avg(BilledCost) from charges where 1 = 0", [[None, 0, None]]),
    ("select 'all' k, count(*) from charges where 1 = 0 group by 1", []),
    ("select 5 k, count(*) from charges group by 1", [[5, 1500]]),
    ("with x as (select 2 n union all select cast(null as bigint) union all select 1) select n from x order by n desc", [[2], [1], [None]]),
    ("with x as (select 2 n union all select cast(null as bigint) union all select 1) select n from x order by n nulls first", [[None], [1], [2]]),
    ("with x as (select 1 n, 1.5 c union all select 2, 2.25 union all select 3, 0.0) select n, sum(c) over (order by n rows between 1 preceding and current row) s, avg(c) over (order by n rows 1 preceding) a from x order by n",
     [[1, "1.5", "1.5"], [2, "3.75", "1.875"], [3, "2.25", "1.125"]]),
    ("with x as (select 1 n union all select 2 union all select 4) select n, sum(n) over (order by n range between 1 preceding and 1 following) s from x order by n", [[1, 3], [2, 3], [4, 4]]),
    ("with x as (select 1 n union all select 2) select n, lag(n, 1, 0) over (order by n) a, lead(n, 1, 9) over (order by n) b, last_value(n) over (order by n) c from x order by n", [[1, 0, 2, 1], [2, 1, 9, 2]]),
    ("with x as (select 1.0 c union all select 2.0 union all select 2.0) select avg(c), avg(distinct c), sum(distinct c), sum(c) filter (where c > 1) from x", [["1.666666666666666667", "1.5", "3", "4"]]),
    ("with x as (select 1.005 c), y as (select 1.00 c) select c from x union all select c from y order by 1", [["1"], ["1.005"]]),
    ("with x as (select 1.005 c), y as (select 1.00 c) select count(*) from x where c in (select c from y)", [[0]]),
    ("with x as (select 1 n, 0 d union all select 4, 2) select case when d <> 0 then n / d end q, if(d = 0, -1, n / d) r, coalesce(null, n / d) s from x order by n", [[None, -1, None], [2, 2, 2]]),
)  # fmt: skip


def answered(sql: str, tables: Mapping[str, Table], engine: str) -> list[list[Any]] | None:
    """The rows, or None where Polars declines; DuckDB may not."""
    try:
        answer = run(plan_for(engine, read_query(sql, tables, NOW)), LIMITS, {})
    except OnyxError as error:
        if engine == "polars" and error.code in DECLINED:
            return None
        raise
    return [list(row.values()) for row in json.loads(answer.rows)]


@pytest.mark.parametrize(("values", "expected"), CASES)
def test_values(values: str, expected: list[Any], tables: dict[str, Table], engine: str) -> None:
    """One at a time: Polars may take one and decline its neighbour."""
    together = answered(f"select {values}", tables, engine)
    assert together in (None, [expected])


@pytest.mark.parametrize(("sql", "expected"), ROWS)
def test_rows(sql: str, expected: list[list[Any]], tables: dict[str, Table], engine: str) -> None:
    assert answered(sql, tables, engine) in (None, expected)


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("select 9223372036854775807 + 1", "NUMERIC_OVERFLOW"),
        ("select sum(n * 9000000000000000000) from charges", "NUMERIC_OVERFLOW"),
        ("select sum(BilledCost) * 9000000000000000000 from charges", "NUMERIC_OVERFLOW"),
        (
            "select sum(BilledCost) * sum(BilledCost) * sum(BilledCost) * 1000 from charges",
            "NUMERIC_OVERFLOW",
        ),
        ("select 1.0 / 0.0", "DIVISION_BY_ZERO"),
        ("select 1 % 0", "DIVISION_BY_ZERO"),
        ("select 1.5 % 0", "DIVISION_BY_ZERO"),
        ("select avg(BilledCost / (m - m)) from charges", "DIVISION_BY_ZERO"),
    ],
)
def test_failures(sql: str, code: str, tables: dict[str, Table], engine: str) -> None:
    with pytest.raises(OnyxError) as caught:
        run(plan_for(engine, read_query(sql, tables, NOW)), LIMITS, {})
    assert caught.value.code == code
