"""Row policies over HTTP, with the real server: set by an administrator, they bind the next query."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import polars as pl
import pytest

from tests.fakes.query_engine_lake import Lake
from tests.integration.query_engine.conftest import Server

PATH = "/v1/query/policies"
COST = "SELECT sum(BilledCost) AS Cost FROM charges"


def charges(*rows: tuple[str, str, str]) -> pl.DataFrame:
    start = datetime(2026, 9, 1, tzinfo=UTC)
    return pl.DataFrame(
        {
            "SubAccountId": [account for account, _, _ in rows],
            "BilledCost": pl.Series([Decimal(cost) for _, _, cost in rows], dtype=pl.Decimal(38, 18)),
            "ChargePeriodStart": pl.Series([start] * len(rows), dtype=pl.Datetime("us", "UTC")),
            "Tags": pl.Series(
                [{"cost_center": center} for _, center, _ in rows], dtype=pl.Map(pl.String, pl.String)
            ),
        }
    )


@pytest.fixture(scope="module")
def server(lake: Lake, start: Callable[..., Server]) -> Server:
    for tenant in ("acme", "globex"):
        lake.publish(
            tenant,
            "aws.2026-09",
            {
                "charges": charges(("111", "41", "1"), ("222", "42", "10"), ("222", "43", "100")),
                "azure": pl.DataFrame({"SubscriptionId": ["s"]}),
            },
        )
    return start()


def call(
    server: Server,
    method: str,
    path: str,
    body: dict[str, Any] | None = None,
    *,
    tenant: str = "acme",
    roles: str = "admin",
) -> httpx.Response:
    headers = {"Authorization": f"Bearer {server.token(tenant, sub='grace', roles=roles)}"}
    return httpx.request(method, server.url + path, json=body, headers=headers, timeout=60)


def cost(server: Server, tenant: str = "acme", sql: str = COST) -> str:
    found: str = server.rows(sql, tenant)[0]["Cost"]
    return found


def test_a_policy_binds_from_the_next_query_on(server: Server) -> None:
    assert cost(server) == "111"
    answer = call(server, "PUT", f"{PATH}/ada", {"sub_accounts": ["222"]})
    assert answer.status_code == 200, answer.text
    assert (answer.json()["subject"], answer.json()["set_by"], answer.json()["version"]) == (
        "ada",
        "grace",
        1,
    )
    assert cost(server) == "110"
    assert cost(server, "globex") == "111"
    assert call(server, "POST", "/v1/query", {"sql": COST}).json()["rows"] == [{"Cost": "111"}]
    call(server, "PUT", f"{PATH}/ada", {"cost_centers": ["42"]})
    assert cost(server) == "10"
    assert (
        cost(server, sql="SELECT sum(a.BilledCost) AS Cost FROM charges a FULL JOIN charges b ON 1 = 1")
        == "10"
    )
    call(
        server,
        "PUT",
        f"{PATH}/ada",
        {"match": "all", "sub_accounts": ["222"], "tags": {"CostCenter": ["43"]}},
    )
    assert cost(server) == "100"
    assert server.refusal("SELECT count(*) FROM azure")[1] == "ROW_POLICY"
    assert server.rows("SELECT count(*) n FROM azure", "globex") == [{"n": 1}]
    [table] = server.query(f"EXPLAIN {COST}").json()["explain"]["tables"]
    assert table["policies"] == ["""("subaccountid" IN ('222') AND "tags"['cost_center'] IN ('43'))"""]
    assert call(server, "DELETE", f"{PATH}/ada").json()["version"] == 3
    assert cost(server) == "111"


def test_a_user_reads_their_own_and_no_other(server: Server) -> None:
    call(server, "PUT", f"{PATH}/ada", {"sub_accounts": ["222"]})
    own = server.get(f"{PATH}/me").json()
    assert (own["subject"], own["sub_accounts"], own["everything"]) == ("ada", ["222"], False)
    assert own["cost_center_tag"] == "cost_center"
    assert server.get(f"{PATH}/me", "globex").json()["everything"] is True
    for method, path in (("GET", PATH), ("GET", f"{PATH}/ada"), ("DELETE", f"{PATH}/ada")):
        assert call(server, method, path, roles="analyst operator approver").status_code == 403
    body = {"everything": True}
    assert call(server, "PUT", f"{PATH}/ada", body, roles="analyst").status_code == 403
    assert call(server, "PUT", PATH, {"default": "allow"}, roles="analyst").status_code == 403
    assert cost(server) == "110"
    call(server, "DELETE", f"{PATH}/ada")


def test_a_tenant_has_its_own_policies(server: Server) -> None:
    call(server, "PUT", f"{PATH}/ada", {"sub_accounts": ["222"]})
    for method in ("GET", "DELETE"):
        other = call(server, method, f"{PATH}/ada", tenant="globex")
        assert (other.status_code, other.json()["code"]) == (404, "NOT_FOUND")
    call(server, "PUT", f"{PATH}/ada", {"sub_accounts": ["111"]}, tenant="globex")
    assert (cost(server), cost(server, "globex")) == ("110", "1")
    assert [each["sub_accounts"] for each in call(server, "GET", PATH).json()["rows"]] == [["222"]]
    call(server, "PUT", PATH, {"default": "deny", "cost_center_tag": "team"}, tenant="globex")
    listed = [call(server, "GET", PATH, tenant=tenant).json() for tenant in ("acme", "globex")]
    assert [each["default"] for each in listed] == ["allow", "deny"]
    assert [each["cost_center_tag"] for each in listed] == ["cost_center", "team"]
    answer = call(server, "POST", "/v1/query", {"sql": COST}, tenant="globex")
    assert answer.json()["rows"] == [{"Cost": None}]
    for tenant in ("acme", "globex"):
        call(server, "DELETE", f"{PATH}/ada", tenant=tenant)
    call(server, "PUT", PATH, {"default": "allow"}, tenant="globex")


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("PUT", f"{PATH}/ada", {}, 400, "ROW_POLICY"),
        ("PUT", f"{PATH}/ada", {"sub_accounts": "222"}, 422, "UNPROCESSABLE"),
        ("PUT", f"{PATH}/ada", {"accounts": ["222"]}, 422, "UNPROCESSABLE"),
        ("PUT", f"{PATH}/me", {"everything": True}, 400, "ROW_POLICY"),
        ("PUT", PATH, {"default": "maybe"}, 422, "UNPROCESSABLE"),
        ("PUT", PATH, {"cost_center_tag": ""}, 400, "ROW_POLICY"),
        ("GET", f"{PATH}?limit=0", None, 400, "INVALID_LIMIT"),
        ("GET", f"{PATH}/nobody", None, 404, "NOT_FOUND"),
    ],
)
def test_what_is_refused(
    server: Server, method: str, path: str, body: dict[str, Any] | None, status: int, code: str
) -> None:
    answer = call(server, method, path, body)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
