"""The real server over a lake in moto: what a caller gets."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import httpx
import polars as pl
import pytest

from tests.fakes.query_engine_lake import PUBLISHED, Lake
from tests.integration.query_engine.conftest import Server

MONEY = pl.Decimal(38, 18)


def charges(*rows: tuple[str, str, dict[str, str] | None]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "ServiceName": [row[0] for row in rows],
            "BilledCost": pl.Series([Decimal(row[1]) for row in rows], dtype=MONEY),
            "ChargePeriodStart": pl.Series(
                [datetime(2026, 9, 1 + at, tzinfo=UTC) for at in range(len(rows))],
                dtype=pl.Datetime("us", "UTC"),
            ),
            "Tags": pl.Series([row[2] for row in rows], dtype=pl.Map(pl.String, pl.String)),
        }
    )


@pytest.fixture(scope="module")
def server(lake: Lake, start: Callable[..., Server]) -> Server:
    lake.publish(
        "acme",
        "aws.2026-09",
        {
            "charges": charges(("AmazonEC2", "14.66598547521", {"env": "prod"}), ("AmazonS3", "-0.5", None)),
            "cur": pl.DataFrame({"line_item_usage_type": ["BoxUsage"], "year": ["2026"]}),
        },
    )
    later = charges(("AmazonEC2", "0.000000000000000001", {})).with_columns(RegionId=pl.lit("us-east-1"))
    lake.publish("acme", "aws.2026-10", {"charges": later}, published_at=datetime(2026, 11, 1, tzinfo=UTC))
    lake.publish("globex", "aws.2026-09", {"charges": charges(("Secret", "1000", None))})
    return start()


def test_the_answer_is_exact_and_typed(server: Server) -> None:
    answer = server.query(
        "SELECT servicename, sum(BilledCost) AS Cost FROM charges GROUP BY 1 ORDER BY 2 DESC"
    )
    assert answer.status_code == 200
    body = answer.json()
    assert body["columns"] == [
        {"name": "ServiceName", "type": "varchar"},
        {"name": "Cost", "type": "decimal(38,18)"},
    ]
    assert body["rows"] == [
        {"ServiceName": "AmazonEC2", "Cost": "14.665985475210000001"},
        {"ServiceName": "AmazonS3", "Cost": "-0.5"},
    ]
    assert (body["row_count"], body["engine"]) == (2, "polars")


def test_bills_are_united_by_column_name(server: Server) -> None:
    found = server.rows("select RegionId, count(*) n from charges group by 1 order by 1")
    assert found == [{"RegionId": "us-east-1", "n": 1}, {"RegionId": None, "n": 2}]


def test_maps_times_and_raw_tables(server: Server) -> None:
    sql = (
        "select Tags, Tags['env'] env, ChargePeriodStart from charges where element_at(Tags, 'env') = 'prod'"
    )
    assert server.rows(sql) == [
        {"Tags": {"env": "prod"}, "env": "prod", "ChargePeriodStart": "2026-09-01T00:00:00Z"}
    ]
    assert server.rows("select * from cur") == [{"line_item_usage_type": "BoxUsage", "year": "2026"}]


def test_a_tenant_without_bills_has_charges_without_rows(server: Server) -> None:
    assert server.rows("select count(*) n, sum(BilledCost) c from charges", "newcomer") == [
        {"n": 0, "c": None}
    ]
    assert server.refusal("select * from cur", "newcomer") == (400, "UNKNOWN_TABLE")


def test_tables_are_listed_with_their_freshness(server: Server) -> None:
    tables = {each["name"]: each for each in server.get("/v1/query/tables").json()["rows"]}
    assert set(tables) == {"charges", "cur"}
    assert tables["charges"]["rows"] == 3
    assert tables["charges"]["published_at"] == "2026-11-01T00:00:00Z"
    assert datetime.fromisoformat(tables["cur"]["published_at"]) == PUBLISHED
    assert {"name": "Tags", "type": "map(varchar, varchar)"} in tables["charges"]["columns"]


def test_as_of_a_moment_only_what_was_published_then_answers(server: Server) -> None:
    def ask(as_of: object, tenant: str = "acme") -> httpx.Response:
        headers = {"Authorization": f"Bearer {server.token(tenant)}"}
        body = {"sql": "select count(*) n from charges", "as_of": as_of}
        return httpx.post(f"{server.url}/v1/query", json=body, headers=headers, timeout=60)

    def rows(as_of: str, tenant: str = "acme") -> int:
        answer = ask(as_of, tenant)
        assert answer.status_code == 200, answer.text
        count: int = answer.json()["rows"][0]["n"]
        return count

    assert [rows(each) for each in ("2026-10-02", "2026-10-02T12:00:00Z", "2026-11-01")] == [0, 2, 3]
    assert rows("2026-10-03", "globex") == 1
    record = server.get(f"/v1/query/{ask('2026-10-03').json()['query_id']}").json()
    assert (record["as_of"], len(record["snapshots"])) == ("2026-10-03T00:00:00Z", 1)
    future = ask("2999-01-01")
    assert (future.status_code, future.json()["code"]) == (400, "AS_OF_IN_FUTURE")
    assert ask("soon").status_code == 422


def test_every_query_is_on_record_for_its_tenant_alone(server: Server) -> None:
    query_id = server.query("select count(*) from charges").json()["query_id"]
    record = server.get(f"/v1/query/{query_id}").json()
    assert record["status"] == "done"
    assert record["subject"] == "ada"
    assert (record["row_count"], record["files"], record["tables"]) == (1, 2, ["charges"])
    assert len(record["snapshots"]) == 2
    other = server.get(f"/v1/query/{query_id}", "globex")
    assert (other.status_code, other.json()["code"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("selec 1", "SQL_SYNTAX"),
        ("drop table charges", "SQL_NOT_SELECT"),
        ("select 1; select 2", "SQL_MULTIPLE_STATEMENTS"),
        ("select nope from charges", "UNKNOWN_COLUMN"),
        ("select made_up(ServiceName) from charges", "UNSUPPORTED_FUNCTION"),
    ],
)
def test_a_refusal_is_a_problem(server: Server, sql: str, code: str) -> None:
    assert server.refusal(sql) == (400, code)


def test_what_is_no_query_is_refused(server: Server) -> None:
    headers = {"Authorization": f"Bearer {server.token()}"}
    url = f"{server.url}/v1/query"
    assert httpx.post(url, content=b"{", headers=headers).json()["code"] == "BAD_REQUEST"
    assert httpx.post(url, json={"sql": 1}, headers=headers).status_code == 422
    large = httpx.post(url, json={"sql": "x" * 300_000}, headers=headers)
    assert (large.status_code, large.json()["code"]) == (413, "PAYLOAD_TOO_LARGE")
    assert httpx.get(url, headers=headers).status_code == 405
    assert httpx.get(f"{server.url}/nowhere", headers=headers).status_code == 404


def test_a_caller_needs_a_token_of_this_api(server: Server) -> None:
    missing = httpx.post(f"{server.url}/v1/query", json={"sql": "select 1"})
    assert (missing.status_code, missing.headers["www-authenticate"]) == (401, "Bearer")
    for token, status in (
        (server.token(iss="https://elsewhere.example/pool"), 401),
        (server.token(client_id="stranger"), 401),
        (server.token(token_use="id"), 401),
        (server.token(scope="openid"), 403),
        (server.token(roles=""), 403),
    ):
        assert server.query("select 1", token=token).status_code == status
    for path in ("/v1/query/tables", "/v1/query/some-id"):
        assert httpx.get(server.url + path).status_code == 401
