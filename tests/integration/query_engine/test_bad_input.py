"""What the query engine says to bad input over HTTP: status, code, a sentence; then the next is answered."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import httpx
import polars as pl
import pytest

from tests.fakes.query_engine_lake import Lake
from tests.integration.query_engine.conftest import Server

ROWS = 20_000


@dataclass(frozen=True)
class Bad:
    """A query, what comes of it, and words of the sentence; `finding` is of its first finding."""

    sql: str
    status: int
    code: str
    says: str
    finding: tuple[tuple[str, object], ...] = ()


def bad(sql: str, status: int, code: str, says: str, **finding: object) -> Bad:
    return Bad(sql, status, code, says, tuple(finding.items()))


# Arrays are DuckDB's here, and what stands beside one in a query goes there with it.
ON_DUCKDB = "cardinality(ARRAY[1])"
# Pairs that a key ties together, so that it is not refused beforehand: there is but one key.
ENDLESS = """select count(distinct a.ServiceName || b.ServiceName || c.ServiceName) as n
    from (select *, N * 0 as k from charges) a join (select *, N * 0 as k from charges) b on a.k = b.k
    join (select *, N * 0 as k from charges) c on b.k = c.k"""
_OR = " or ".join(f"N = {each}" for each in range(10_000))
_PARENTHESES = "(" * 3000 + "1" + ")" * 3000
_SUBQUERIES = "select * from (" * 60 + "select 1 as a" + ")" * 60
_COLUMNS = ", ".join(f"N as c{each}" for each in range(10_000))
_CASES = "case when N = 1 then " * 60 + "1" + " end" * 60

CASES: dict[str, Bad] = {
    "comma_before_from": bad(
        "select N,\nfrom charges", 400, "SQL_SYNTAX", "FROM after ','", line=2, column=1, token="from"
    ),
    "from_first": bad("from charges", 400, "SQL_SYNTAX", "SELECT", line=1, column=1, token="from"),
    "from_first_below": bad("select * from (from charges) t", 400, "SQL_SYNTAX", "SELECT", column=16),
    "syntax": bad("select N\nfrom charges wher N > 1", 400, "SQL_SYNTAX", "cannot be read", line=2),
    "syntax_token": bad("select N charges from where", 400, "SQL_SYNTAX", "line 1", line=1),
    "nothing": bad(" -- nothing", 400, "SQL_SYNTAX", "no statement"),
    "open_quote": bad("select 'x from charges", 400, "SQL_SYNTAX", "not closed"),
    "nul": bad("select 1 \x00", 400, "SQL_SYNTAX", "NUL", line=1, column=10),
    "unknown_column": bad(
        "select ServceName from charges",
        400,
        "UNKNOWN_COLUMN",
        "Did you mean ServiceName",
        line=1,
        column=8,
        token="ServceName",
    ),
    "unknown_table": bad(
        "select 1 from chargs", 400, "UNKNOWN_TABLE", "Did you mean charges", token="chargs"
    ),
    "unknown_function": bad(
        "select dat_trunc('day', Start) from charges", 400, "UNSUPPORTED_FUNCTION", "Did you mean date_trunc"
    ),
    "two_statements": bad("select 1; select 2", 400, "SQL_MULTIPLE_STATEMENTS", "one by one"),
    **{
        f"no_select_{words.split()[0]}": bad(words, 400, "SQL_NOT_SELECT", "Only SELECT")
        for words in (
            "create table x as select 1",
            "drop table charges",
            "alter table charges add column x bigint",
            "truncate table charges",
            "insert into charges values (1)",
            "update charges set N = 1",
            "delete from charges",
            "merge into charges using small on true when matched then delete",
            "grant select on charges to public",
            "show tables",
            "describe charges",
        )
    },
    "recursion": bad(
        "with recursive t(n) as (select 1 union all select n + 1 from t) select * from t",
        400,
        "UNSUPPORTED_SQL",
        "RECURSIVE",
    ),
    "self_reference": bad(
        "with t as (select 1 as n union all select n + 1 from t) select * from t",
        400,
        "UNKNOWN_TABLE",
        "There is no table t",
    ),
    "ten_thousand_ors": bad(f"select 1 from charges where {_OR}", 400, "SQL_TOO_COMPLEX", "x IN (...)"),
    "deep_parentheses": bad(f"select {_PARENTHESES}", 400, "SQL_TOO_COMPLEX", "nested more than"),
    "deep_subqueries": bad(_SUBQUERIES, 400, "SQL_TOO_COMPLEX", "nested more than"),
    "deep_cases": bad(f"select {_CASES} from charges", 400, "SQL_TOO_COMPLEX", "nested more than"),
    "many_signs": bad(f"select {'- ' * 5000}1", 400, "SQL_TOO_COMPLEX", "signs in a row"),
    "many_columns": bad(f"select {_COLUMNS} from charges", 400, "SQL_TOO_COMPLEX", "words and signs"),
    "large_number": bad(f"select {'9' * 500} from charges", 400, "UNSUPPORTED_SQL", "does not fit a bigint"),
    "wide_decimal": bad("select cast(N as decimal(99, 2)) from charges", 400, "UNSUPPORTED_SQL", "38"),
    "no_date": bad("select date '2026-02-30'", 400, "INVALID_CAST", "date"),
    "no_date_13": bad("select date '2026-13-01' from charges", 400, "INVALID_CAST", "date"),
    "no_timestamp": bad("select timestamp 'yesterday'", 400, "INVALID_CAST", "timestamp"),
    "division": bad("select 1 / (N - N) as x from charges", 422, "DIVISION_BY_ZERO", "nullif"),
    "division_duckdb": bad(
        f"select {ON_DUCKDB}, 1 / (N - N) as x from charges", 422, "DIVISION_BY_ZERO", "nullif"
    ),
    "division_decimal": bad("select Cost / (Cost - Cost) from charges", 422, "DIVISION_BY_ZERO", "nullif"),
    "division_decimal_duckdb": bad(
        f"select {ON_DUCKDB}, Cost / (Cost - Cost) from charges", 422, "DIVISION_BY_ZERO", "nullif"
    ),
    "overflow": bad("select N * 9000000000000000000 from charges", 422, "NUMERIC_OVERFLOW", "fit"),
    "overflow_duckdb": bad(
        f"select {ON_DUCKDB}, N * 9000000000000000000 from charges", 422, "NUMERIC_OVERFLOW", "fit"
    ),
    "overflow_decimal": bad(
        "select sum(Cost * 1000000000000000000) * 1000 from charges", 422, "NUMERIC_OVERFLOW", "fit"
    ),
    "pattern": bad(
        "select 1 from charges where regexp_like(ServiceName, '(')", 422, "INVALID_PATTERN", "expression"
    ),
    "pattern_duckdb": bad(
        "select regexp_extract(ServiceName, '[') from charges", 400, "INVALID_PATTERN", "expression"
    ),
    "cast": bad("select cast(ServiceName as bigint) from charges", 422, "INVALID_CAST", "try_cast"),
    "cast_duckdb": bad(
        f"select {ON_DUCKDB}, cast(ServiceName as bigint) from charges", 422, "INVALID_CAST", "try_cast"
    ),
    "two_rows_for_one": bad("select (select N from charges)", 422, "SUBQUERY_ROWS", "several rows"),
    "long_sequence": bad("select sequence(1, 1000000000)", 422, "INVALID_ARGUMENT", "at most 10000"),
    "long_repeat": bad(
        "select cardinality(repeat('x', 1000000000))", 422, "INVALID_ARGUMENT", "at most 10000"
    ),
    "long_calendar": bad(
        "select cardinality(sequence(timestamp '1900-01-01 00:00:00', timestamp '2026-01-01 00:00:00', "
        "interval '1' second))",
        422,
        "INVALID_ARGUMENT",
        "at most 10000",
    ),
    "long_pad": bad("select length(lpad('x', 2000000000, 'y'))", 422, "INVALID_ARGUMENT", "at most"),
    "result": bad("select * from charges", 422, "RESULT_TOO_LARGE", "LIMIT"),
    "result_duckdb": bad(f"select *, {ON_DUCKDB} as x from charges", 422, "RESULT_TOO_LARGE", "LIMIT"),
    "cross_join": bad(
        "select count(distinct a.N + b.N + c.N) from charges a, charges b, charges c",
        400,
        "SQL_TOO_COMPLEX",
        "join them on a key",
    ),
    "timeout": bad(ENDLESS, 504, "QUERY_TIMEOUT", ""),
    "timeout_duckdb": bad(ENDLESS.replace("select ", f"select {ON_DUCKDB}, ", 1), 504, "QUERY_TIMEOUT", ""),
}


@pytest.fixture(scope="module")
def server(lake: Lake, start: Callable[..., Server]) -> Server:
    start_at = datetime(2026, 9, 1, tzinfo=UTC)
    frame = pl.DataFrame(
        {
            "ServiceName": [f"service-{at}" for at in range(ROWS)],
            "Cost": pl.Series([Decimal(at) / 7 for at in range(ROWS)], dtype=pl.Decimal(38, 18)),
            "N": pl.Series(range(2, ROWS + 2), dtype=pl.Int64),
            "Start": pl.Series(
                [start_at + timedelta(minutes=at) for at in range(ROWS)], dtype=pl.Datetime("us", "UTC")
            ),
        }
    )
    lake.publish("acme", "aws.2026-09", {"charges": frame})
    return start(QUERY_TIMEOUT_SECONDS="4")


# One of these each, whichever comes first on a machine: none of them takes the server down.
EXHAUSTED = {(504, "QUERY_TIMEOUT"), (422, "QUERY_MEMORY"), (503, "WORKER_LOST")}


@pytest.mark.parametrize("name", CASES)
def test_bad_input(server: Server, name: str) -> None:
    case = CASES[name]
    answer = server.query(case.sql)
    assert answer.headers["content-type"] == "application/problem+json", answer.text[:500]
    problem = answer.json()
    told = (answer.status_code, problem["code"])
    if case.status == 504:
        assert told in EXHAUSTED, problem
    else:
        assert told == (case.status, case.code), problem
    assert case.says in problem["detail"]
    assert re.fullmatch(r"['A-Z].{15,500}", problem["detail"], re.DOTALL), problem["detail"]
    for word in ("/tmp", "s3://", ".parquet", "onyx__", "Traceback", "Error:"):
        assert word not in answer.text
    finding = problem["errors"][0] if case.finding else {}
    assert {key: finding.get(key) for key, _ in case.finding} == dict(case.finding)
    assert server.rows("select count(*) as n from charges") == [{"n": ROWS}]


def test_ten_megabytes_are_not_even_read(server: Server) -> None:
    answer = server.query("select " + "1 + " * 2_500_000 + "1")
    assert (answer.status_code, answer.json()["code"]) == (413, "PAYLOAD_TOO_LARGE")
    assert "at most" in answer.json()["detail"]
    assert server.rows("select 1 as one") == [{"one": 1}]


def test_a_client_that_leaves_takes_nobody_with_it(server: Server) -> None:
    headers = {"Authorization": f"Bearer {server.token()}"}
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{server.url}/v1/query", json={"sql": ENDLESS}, headers=headers, timeout=0.7)
    assert server.rows("select count(*) as n from charges") == [{"n": ROWS}]


def test_every_code_of_bad_input_is_met() -> None:
    assert {case.code for case in CASES.values()} >= {
        *("SQL_SYNTAX", "UNKNOWN_COLUMN", "SQL_MULTIPLE_STATEMENTS", "SQL_NOT_SELECT", "SQL_TOO_COMPLEX"),
        *("DIVISION_BY_ZERO", "NUMERIC_OVERFLOW", "INVALID_PATTERN", "RESULT_TOO_LARGE", "INVALID_CAST"),
    }
