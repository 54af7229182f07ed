"""The HTTP API over ports in memory: who may call, what is answered, and whose bills are seen."""

from collections.abc import Iterator
from typing import Any

import pytest

from services.cost_center.application.bills import ReadBills
from services.cost_center.application.costs import Costs
from services.cost_center.application.uploads import StartUpload
from services.cost_center.handlers import api
from services.cost_center.handlers.wiring import ApiServices
from shared.errors import Unprocessable
from shared.http import routes
from shared.ids import SequenceIds
from shared.tenancy import Role
from tests.fakes.cost_center import FakeLanding, FakeQueryEngine, World
from tests.fakes.cost_center_bills import CUR_ROW, csv_bytes, cur_rows
from tests.fakes.http_calls import Answer, call, token_claims

BASE = "/v1/cost-center"


@pytest.fixture
def engine() -> FakeQueryEngine:
    return FakeQueryEngine([{"BillingCurrency": "USD", "EffectiveCost": "1.5"}])


@pytest.fixture
def deployed(world: World, engine: FakeQueryEngine, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    services = ApiServices(
        uploads=StartUpload(FakeLanding(), SequenceIds("upload")),
        bills=ReadBills(world.bills),
        costs=Costs(engine),
    )
    monkeypatch.setattr(api, "api_services", lambda: services)
    return world


def get(path: str, *, tenant: str = "acme", roles: str = "viewer", **more: Any) -> Answer:
    return call(api.handler, "GET", BASE + path, claims=token_claims(tenant, roles), **more)


def test_every_route_declares_its_role() -> None:
    assert {(route.method, route.path.removeprefix(BASE), route.role) for route in routes(api.app)} == {
        ("POST", "/uploads", Role.ANALYST),
        ("GET", "/bills", Role.VIEWER),
        ("GET", "/bills/{bill_id}", Role.VIEWER),
        ("GET", "/bills/{bill_id}/reconciliation", Role.VIEWER),
        ("GET", "/deliveries/{delivery_id}", Role.VIEWER),
        ("GET", "/costs", Role.VIEWER),
    }


def test_a_bill_and_its_reconciliation_are_shown(deployed: World) -> None:
    [outcome] = deployed.deliver("acme/aws/bill.csv", csv_bytes(cur_rows(3)))

    listed = get("/bills")
    one = get("/bills/aws.2026-09")
    groups = get("/bills/aws.2026-09/reconciliation")

    expected = {
        "bill_id": "aws.2026-09",
        "source": "aws",
        "format": "aws-cur-csv",
        "billing_period": "2026-09",
        "files": ["bill.csv"],
        "rows": 3,
        "totals": [{"currency": "USD", "raw_total": "0.579", "curated_total": "0.579", "difference": "0"}],
        "status": "ingested",
        "reasons": [],
        "published_at": "2026-10-02T12:00:01Z",
        "delivery_id": outcome.delivery_id,
        "last_rejection": None,
    }
    assert (listed.status, listed.body) == (200, {"rows": [expected], "cursor": None})
    assert (one.status, one.body) == (200, expected)
    assert groups.body == {
        "rows": [
            {
                "billing_account": "111111111111",
                "billing_period": "2026-09",
                "invoice": "",
                "currency": "USD",
                "raw_total": "0.579",
                "curated_total": "0.579",
                "residue": "0",
                "difference": "0",
                "raw_rows": 3,
                "curated_rows": 3,
            }
        ]
    }


def test_a_rejection_is_shown_beside_what_is_published(deployed: World) -> None:
    deployed.deliver("acme/aws/bill.csv", csv_bytes(cur_rows(3)))
    deployed.deliver("acme/aws/bad.csv", csv_bytes([{**CUR_ROW, "lineItem/UnblendedCost": "x"}]))
    deployed.deliver("acme/gcp/bad.csv", b"nothing known")

    rejected = get("/bills", query={"status": "rejected"}).body["rows"]
    bill = get("/bills/aws.2026-09").body

    assert [row["source"] for row in rejected] == ["gcp"]
    assert bill["status"] == "ingested"
    assert bill["last_rejection"]["reasons"] == [
        "bad.csv, row 1, column lineItem/UnblendedCost: the cell cannot be read: "
        "expected a decimal number (at most 20 digits before the point), found 'x'"
    ]
    assert get(f"/bills/{rejected[0]['bill_id']}/reconciliation").body == {"rows": []}


def test_a_delivery_is_unknown_until_it_is_seen_and_then_tells_its_bills(deployed: World) -> None:
    landed = deployed.landing.put("acme/aws/bill.csv", csv_bytes(cur_rows(1)))
    assert get(f"/deliveries/{landed.delivery_id}").status == 404

    deployed.ingest(landed)
    answer = get(f"/deliveries/{landed.delivery_id}").body

    assert answer["status"] == "done"
    assert [bill["bill_id"] for bill in answer["bills"]] == ["aws.2026-09"]


def test_another_tenant_sees_nothing(deployed: World) -> None:
    landed = deployed.landing.put("acme/aws/bill.csv", csv_bytes(cur_rows(1)))
    deployed.ingest(landed)

    assert get("/bills", tenant="globex").body == {"rows": [], "cursor": None}
    for path in (
        "/bills/aws.2026-09",
        "/bills/aws.2026-09/reconciliation",
        f"/deliveries/{landed.delivery_id}",
    ):
        assert get(path, tenant="globex").status == 404


def test_an_upload_goes_to_the_callers_own_prefix(deployed: World) -> None:
    body = {"source": "aws", "filename": "bill.csv"}

    def post(roles: str, sent: dict[str, str]) -> Answer:
        claims = token_claims("acme", roles)
        return call(api.handler, "POST", BASE + "/uploads", body=sent, claims=claims)

    assert post("viewer", body).status == 403
    answer = post("analyst", body)
    assert answer.status == 201
    assert (answer.body["bucket"], answer.body["key"]) == ("landing", "acme/aws/upload-1/bill.csv")
    assert answer.body["url"].startswith("https://landing.test/acme/aws/upload-1/bill.csv")
    assert answer.body["expires_at"] == "2026-10-02T12:15:00Z"
    assert post("analyst", {"source": "../globex", "filename": "x"}).body["code"] == "INVALID_SOURCE"


def test_costs_are_asked_with_the_callers_own_token(deployed: World, engine: FakeQueryEngine) -> None:
    answer = get(
        "/costs",
        query={
            "granularity": "total",
            "group_by": "ServiceName,tag:env",
            "filter": ["RegionId:a", "RegionId:b,c"],
        },
        headers={"authorization": "Bearer mine"},
    )

    assert answer.status == 200
    assert answer.body == {
        "rows": [{"BillingCurrency": "USD", "ServiceName": None, "tag:env": None, "EffectiveCost": "1.5"}],
        "metric": "EffectiveCost",
        "granularity": "total",
        "group_by": ["ServiceName", "tag:env"],
        "truncated": False,
    }
    [(sql, authorization)] = engine.asked
    assert authorization == "Bearer mine"
    assert "\"RegionId\" IN ('a', 'b,c')" in sql


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"group_by": "Nope"}, 400, "UNKNOWN_DIMENSION"),
        ({"metric": "Free"}, 422, "UNPROCESSABLE"),
        ({"limit": "0"}, 422, "UNPROCESSABLE"),
        ({"start": "soon"}, 400, "INVALID_RANGE"),
    ],
)
def test_a_bad_cost_question_is_a_problem(
    deployed: World, query: dict[str, str], status: int, code: str
) -> None:
    answer = get("/costs", query=query)

    assert (answer.status, answer.body["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"


def test_the_engines_refusal_is_passed_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    refusing = FakeQueryEngine(error=Unprocessable("too many rows", code="RESULT_TOO_LARGE"))
    services = ApiServices(StartUpload(FakeLanding(), SequenceIds()), ReadBills(world.bills), Costs(refusing))
    monkeypatch.setattr(api, "api_services", lambda: services)

    answer = get("/costs")

    assert (answer.status, answer.body["code"]) == (422, "RESULT_TOO_LARGE")


def test_nobody_without_a_token_is_answered(deployed: World) -> None:
    for route in routes(api.app):
        assert call(api.handler, route.method, route.path, body={}).status == 401
