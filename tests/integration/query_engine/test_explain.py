"""EXPLAIN, pruning and the router's decisions over HTTP, with the real pool."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import polars as pl
import pytest

from tests.fakes.query_engine_lake import LAKE, Lake
from tests.integration.query_engine.conftest import Server, eventually

MONTHS = (8, 9, 10)


def charges(month: int, rows: int) -> pl.DataFrame:
    start = datetime(2026, month, 1, tzinfo=UTC)
    return pl.DataFrame(
        {
            "ServiceName": ["AmazonEC2", "AmazonS3"] * (rows // 2),
            "BilledCost": pl.Series([Decimal(month)] * rows, dtype=pl.Decimal(38, 18)),
            "BillingPeriodStart": pl.Series([start] * rows, dtype=pl.Datetime("us", "UTC")),
            "ChargePeriodStart": pl.Series([start] * rows, dtype=pl.Datetime("us", "UTC")),
        }
    )


@pytest.fixture(scope="module")
def server(lake: Lake, start: Callable[..., Server]) -> Server:
    for month in MONTHS:
        lake.publish("acme", f"aws.2026-{month:02}", {"charges": charges(month, 100)})
    lake.publish("globex", "aws.2026-09", {"charges": charges(9, 2)})
    return start()


def test_explain_tells_what_would_be_read_and_by_whom(server: Server) -> None:
    answer = server.query(
        "EXPLAIN SELECT ServiceName, sum(BilledCost) FROM charges WHERE billing_period = '2026-09' GROUP BY 1"
    )
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["columns"] == [{"name": "Query Plan", "type": "varchar"}]
    lines = [row["Query Plan"] for row in body["rows"]]
    assert lines[0] == "Engine: polars"
    assert "  files: 1 of 3" in lines
    explained = body["explain"]
    (table,) = explained["tables"]
    assert (table["table"], table["files_before"], table["files_after"]) == ("charges", 3, 1)
    assert (table["rows_before"], table["rows_after"]) == (300, 100)
    assert sorted(table["columns"]) == ["billedcost", "billingperiodstart", "servicename"]
    assert 0 < table["bytes_after"] < table["bytes_before"]
    assert len(table["snapshots"]) == 3
    assert table["published_at"]
    assert explained["decision"]["rule"] == "scan"
    assert "SELECT" in explained["sql"]
    audit = server.get(f"/v1/query/{body['query_id']}").json()
    assert (audit["status"], audit["engine"], audit["decision"]) == ("done", "polars", explained["decision"])


def test_each_tenant_is_told_of_its_own_files(server: Server) -> None:
    sql = "EXPLAIN SELECT count(*) FROM charges WHERE ChargePeriodStart >= DATE '2026-09-01'"
    mine, theirs = (server.query(sql, tenant).json()["explain"]["tables"][0] for tenant in ("acme", "globex"))
    assert (mine["files_before"], mine["files_after"], mine["rows_after"]) == (3, 2, 200)
    assert (theirs["files_before"], theirs["files_after"], theirs["rows_after"]) == (1, 1, 2)


def test_explain_tells_whether_the_columns_are_in_memory(server: Server) -> None:
    sql = "SELECT sum(BilledCost), max(ServiceName) FROM charges"

    def held() -> bool:
        found: bool = server.query(f"EXPLAIN {sql}", "globex").json()["explain"]["in_memory"]
        return found

    first = held()

    def asked_often_enough() -> bool:
        server.rows(sql, "globex")
        return held()

    assert eventually(asked_often_enough)
    assert first in (True, False)


def test_a_file_that_is_not_needed_is_not_opened(server: Server, lake: Lake) -> None:
    """Its facts are known by then, and it may even be gone."""
    sql = "SELECT sum(BilledCost) AS Cost FROM charges WHERE billing_period = '2026-08'"
    assert server.rows(f"EXPLAIN {sql}")
    lake.publish("acme", "gone.2026-07", {"charges": charges(7, 2)})
    assert server.rows(sql) == [{"Cost": "800"}]
    gone = next(each for each in _keys(lake) if "gone.2026-07" in each)
    lake.s3.delete_object(Bucket=LAKE, Key=gone)
    answer = server.query(sql)
    assert answer.json()["rows"] == [{"Cost": "800"}]
    assert server.get(f"/v1/query/{answer.json()['query_id']}").json()["files"] == 1
    assert server.refusal("SELECT sum(BilledCost) FROM charges")[1] == "LAKE_UNAVAILABLE"


def _keys(lake: Lake) -> list[str]:
    return [each["Key"] for each in lake.s3.list_objects_v2(Bucket=LAKE, Prefix="acme/")["Contents"]]


@pytest.mark.parametrize(
    ("sql", "code", "said"),
    [
        ("EXPLAIN ANALYZE SELECT 1", "UNSUPPORTED_SQL", "line 1, column 9"),
        ("EXPLAIN (FORMAT JSON) SELECT 1", "UNSUPPORTED_SQL", "no options"),
        ("EXPLAIN", "SQL_SYNTAX", "no query after EXPLAIN"),
        ("EXPLAIN DROP TABLE charges", "SQL_NOT_SELECT", "Only SELECT"),
        ("EXPLAIN EXPLAIN SELECT 1", "SQL_NOT_SELECT", "EXPLAIN"),
        ("EXPLAIN\n  SELECT nope FROM charges", "UNKNOWN_COLUMN", "line 2, column 10"),
        ("EXPLAIN SELECT * FROM other_tenant.charges", "UNKNOWN_TABLE", "without a database"),
    ],
)
def test_what_explain_refuses(server: Server, sql: str, code: str, said: str) -> None:
    problem = server.query(sql)
    assert (problem.status_code, problem.json()["code"]) == (400, code)
    assert said in problem.json()["detail"]
