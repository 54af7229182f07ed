"""The HTTP API over ports in memory: who may call, what is answered, and whose bills are seen."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.cost_center.application.attempts import Attempts
from services.cost_center.application.bills import ReadBills
from services.cost_center.application.costs import Costs
from services.cost_center.application.deliveries import ReadDeliveries
from services.cost_center.application.invoices import ManageInvoices
from services.cost_center.application.uploads import StartUpload
from services.cost_center.domain.landing import LandedObject
from services.cost_center.domain.overdue import Cause, Overdue, OverdueKey
from services.cost_center.handlers import api, invoices_api
from services.cost_center.handlers.wiring import ApiServices
from shared.errors import NotFound, Unprocessable
from shared.http import routes
from shared.ids import SequenceIds
from shared.tenancy import Role
from tests.fakes.cost_center import NOW, FakeLanding, FakeQueryEngine, World
from tests.fakes.cost_center_bills import CUR_ROW, csv_bytes, cur_rows
from tests.fakes.cost_center_deliveries import Export, packed
from tests.fakes.cost_center_invoices import FakeInvoices
from tests.fakes.cost_center_troubles import FakeTroubles
from tests.fakes.http_calls import Answer, call, token_claims

BASE = "/v1/cost-center"


@pytest.fixture
def engine() -> FakeQueryEngine:
    return FakeQueryEngine([{"BillingCurrency": "USD", "EffectiveCost": "1.5"}])


@pytest.fixture
def troubles() -> FakeTroubles:
    return FakeTroubles()


@pytest.fixture
def late() -> dict[str, list[Overdue]]:
    """By tenant, what is overdue."""
    return {}


@pytest.fixture
def deployed(
    world: World,
    engine: FakeQueryEngine,
    troubles: FakeTroubles,
    late: dict[str, list[Overdue]],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[World]:
    services = ApiServices(
        uploads=StartUpload(FakeLanding(), SequenceIds("upload")),
        bills=ReadBills(world.bills),
        deliveries=ReadDeliveries(world.bills, troubles, world.rows, world.clock),
        costs=Costs(engine),
    )
    monkeypatch.setattr(api, "api_services", lambda: services)
    invoices = ManageInvoices(FakeInvoices(), world.clock)
    for module in (api, invoices_api):
        monkeypatch.setattr(module, "invoice_services", lambda: invoices)
    monkeypatch.setattr(api, "overdue_services", lambda: lambda tenant: late.get(tenant, []))
    return world


def get(path: str, *, tenant: str = "acme", roles: str = "viewer", **more: Any) -> Answer:
    return call(api.handler, "GET", BASE + path, claims=token_claims(tenant, roles), **more)


def test_every_route_declares_its_role() -> None:
    assert {
        (route.method, route.path.removeprefix(BASE), route.role)
        for route in routes(api.app)
        if not route.path.startswith(f"{BASE}/connections")  # test_connections_api.py has these
    } == {
        ("POST", "/uploads", Role.ANALYST),
        ("GET", "/bills", Role.VIEWER),
        ("GET", "/bills/{bill_id}", Role.VIEWER),
        ("GET", "/bills/{bill_id}/reconciliation", Role.VIEWER),
        ("GET", "/bills/{bill_id}/history", Role.VIEWER),
        ("GET", "/bills/{bill_id}/changes", Role.VIEWER),
        ("GET", "/deliveries", Role.VIEWER),
        ("POST", "/exports", Role.ANALYST),
        ("GET", "/exports", Role.ANALYST),
        ("GET", "/exports/{export_id}", Role.ANALYST),
        ("GET", "/deliveries/{delivery_id}", Role.VIEWER),
        ("GET", "/costs", Role.VIEWER),
        ("PUT", "/invoices/{invoice}", Role.ANALYST),
        ("GET", "/invoices", Role.VIEWER),
        ("DELETE", "/invoices/{invoice}", Role.ANALYST),
        ("GET", "/settings/tags", Role.VIEWER),
        ("PUT", "/settings/tags", Role.ADMIN),
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
        "quarantine": None,
        "last_rejection": None,
        "overdue": [],
    }
    assert (listed.status, listed.body) == (200, {"rows": [expected], "cursor": None, "overdue": []})
    assert (one.status, one.body) == (200, expected)
    assert groups.body == {
        "rows": [
            {
                "billing_account": "111111111111",
                "sub_account": "222222222222",
                "billing_period": "2026-09",
                "invoice": "",
                "currency": "USD",
                "raw_total": "0.579",
                "curated_total": "0.579",
                "residue": "0",
                "difference": "0",
                "raw_rows": 3,
                "curated_rows": 3,
                "raw_only": False,
            }
        ],
        "invoices": [],
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
    assert get(f"/bills/{rejected[0]['bill_id']}/reconciliation").body == {"rows": [], "invoices": []}


def test_a_delivery_is_unknown_until_it_is_seen_and_then_tells_its_bills(deployed: World) -> None:
    landed = deployed.landing.put("acme/aws/bill.csv", csv_bytes(cur_rows(1)))
    assert get(f"/deliveries/{landed.delivery_id}").status == 404

    deployed.ingest(landed)
    answer = get(f"/deliveries/{landed.delivery_id}").body

    assert answer["status"] == "done"
    assert [bill["bill_id"] for bill in answer["bills"]] == ["aws.2026-09"]


def failing(deployed: World, troubles: FakeTroubles) -> LandedObject:
    """A delivery whose object is gone, at its first of two receives."""
    landed = deployed.landing.put("acme/aws/bill.csv", csv_bytes(cur_rows(1)))
    deployed.landing.objects.clear()
    fail(deployed, troubles, landed, 1)
    return landed


def fail(deployed: World, troubles: FakeTroubles, landed: LandedObject, receive: int) -> None:
    attempts = Attempts(deployed.ingest, troubles, deployed.clock, receives=2, silence=timedelta(minutes=1))
    with pytest.raises(NotFound):
        attempts(landed, "message-1", receive)


def test_a_delivery_that_fails_says_why_and_is_listed_to_its_own_tenant(
    deployed: World, troubles: FakeTroubles
) -> None:
    landed = failing(deployed, troubles)
    path = f"/deliveries/{landed.delivery_id}"
    assert get(path).body["status"] == "retrying"
    assert [row["status"] for row in get("/deliveries", query={"status": "retrying"}).body["rows"]] == [
        "retrying"
    ]
    fail(deployed, troubles, landed, 2)

    told = get(path).body

    assert told == {
        "delivery_id": landed.delivery_id,
        "source": "aws",
        "filename": "bill.csv",
        "status": "failed",
        "bills": [],
        "failure": {
            "attempts": 2,
            "code": "OBJECT_GONE",
            "reason": "acme/aws/bill.csv is gone",
            "since": "2026-10-02T12:00:01Z",
            "message_id": "message-1",
        },
        "waiting": None,
        "part_of": None,
    }
    assert get("/deliveries").body == {"rows": [told], "cursor": None}
    assert get("/deliveries", query={"status": "done"}).status == 422
    assert get("/deliveries", tenant="globex").body == {"rows": [], "cursor": None}
    assert get(path, tenant="globex").status == 404


def test_another_tenant_sees_nothing(deployed: World) -> None:
    landed = deployed.landing.put("acme/aws/bill.csv", csv_bytes(cur_rows(1)))
    deployed.ingest(landed)

    assert get("/bills", tenant="globex").body == {"rows": [], "cursor": None, "overdue": []}
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


def test_files_uploaded_together_lie_in_one_folder_and_never_outside_of_it(deployed: World) -> None:
    def post(**sent: str) -> Answer:
        body = {"source": "aws", "filename": "a.csv", **sent}
        return call(api.handler, "POST", BASE + "/uploads", body=body, claims=token_claims("acme", "analyst"))

    upload = "0199f3c0-0000-7000-8000-000000000000"
    first = post(folder="x/y", upload_id=upload)
    assert (first.status, first.body["upload_id"]) == (201, upload)
    assert first.body["key"] == f"acme/aws/{upload}/delivery/x/y/a.csv"
    assert post(folder="", upload_id=upload).body["key"] == f"acme/aws/{upload}/delivery/a.csv"
    for folder in ("..", "x/../y", "/x", "x/", "x//y", ".", "x\\y", "x\ny"):
        refused = post(folder=folder, upload_id=upload)
        assert (refused.status, refused.body["code"]) == (400, "INVALID_FOLDER"), folder
    for bad in ("../globex", "upload-1", upload.upper(), ""):
        refused = post(folder="x", upload_id=bad)
        assert (refused.status, refused.body["code"]) == (400, "INVALID_UPLOAD"), bad
    assert post(upload_id=upload).body["code"] == "INVALID_UPLOAD"
    assert post(folder="d" * 511, filename="n" * 255, upload_id=upload).status == 201


def test_a_delivery_that_waits_says_for_what_and_is_listed_to_its_own_tenant(deployed: World) -> None:
    export = Export()
    files = [export.file(number, "r") for number in (1, 2)]
    manifest = deployed.landing.put(export.manifest_keys("r")[0], export.manifest(files, "r"))
    deployed.ingest(manifest)

    told = get(f"/deliveries/{manifest.delivery_id}").body

    assert (told["status"], told["filename"]) == ("waiting", "rep-Manifest.json")
    assert told["waiting"] == {
        "since": "2026-10-01T13:00:00Z",
        "reason": "2 of 2 files that the manifest names are not there",
        "missing": files,
        "missing_count": 2,
        "named": 2,
        "billing_period": "2026-09",
    }
    assert get("/deliveries", query={"status": "waiting"}).body["rows"] == [told]
    assert get("/deliveries", query={"status": "waiting"}, tenant="globex").body["rows"] == []
    for key in files:
        part = deployed.landing.put(export.landing(key), packed(cur_rows(2)), at=NOW - timedelta(days=2))
        deployed.ingest(part)
    done = get(f"/deliveries/{part.delivery_id}").body
    assert (done["status"], done["part_of"]) == ("done", manifest.delivery_id)
    assert [bill["bill_id"] for bill in done["bills"]] == ["aws.2026-09"]
    assert get("/deliveries", query={"status": "waiting"}).body["rows"] == []


def test_a_refused_delivery_says_where_its_files_are(deployed: World) -> None:
    landed = deployed.landing.put("acme/aws/bill.csv", b"nothing\n1\n")
    deployed.ingest(landed)
    [bill] = get(f"/deliveries/{landed.delivery_id}").body["bills"]
    assert bill["quarantine"] == f"s3://landing/acme/.quarantine/{landed.delivery_id}/"


INVOICE = {"billing_account": "1", "billing_period": "2026-09", "currency": "USD", "total": "0.579"}


def put_invoice(number: str, *, tenant: str = "acme", **changes: Any) -> Answer:
    claims = token_claims(tenant, "analyst")
    return call(api.handler, "PUT", f"{BASE}/invoices/{number}", claims=claims, body={**INVOICE, **changes})


def test_a_bill_is_held_against_its_invoices(deployed: World) -> None:
    rows = [{**row, "bill/InvoiceId": "2026/7", "bill/PayerAccountId": "1"} for row in cur_rows(3)]
    deployed.deliver("acme/aws/bill.csv", csv_bytes(rows))
    deployed.deliver("globex/aws/bill.csv", csv_bytes(rows))
    path = "/bills/aws.2026-09/reconciliation"
    told = {key: value for key, value in INVOICE.items() if key != "total"} | {
        "invoice": "2026/7",
        "bill_total": "0.579",
        "rows": 3,
        "invoice_total": None,
        "difference": None,
        "matches": None,
    }
    assert get(path).body["invoices"] == [told]

    made = put_invoice("2026%2F7", total="0.580")
    assert (made.status, made.body["total"], made.body["invoice"]) == (201, "0.58", "2026/7")
    assert made.body["entered_by"] == "user-1"
    assert put_invoice("2026%2F7", total="0.58").status == 200
    told |= {"invoice_total": "0.58", "difference": "-0.001", "matches": True}
    assert get(path).body["invoices"] == [told]
    assert get(path, tenant="globex").body["invoices"][0]["invoice_total"] is None

    put_invoice("2026%2F7", total="1")
    [row] = get(path).body["invoices"]
    assert (row["difference"], row["matches"]) == ("-0.421", False)
    assert [each["total"] for each in get("/invoices").body["rows"]] == ["1"]
    assert get("/invoices", query={"billing_period": "2026-08"}).body["rows"] == []
    assert get("/invoices", tenant="globex").body["rows"] == []


def test_an_invoice_is_removed_by_its_own_tenant_only(deployed: World) -> None:
    put_invoice("i1")
    query = {key: value for key, value in INVOICE.items() if key != "total"}

    def remove(tenant: str) -> Answer:
        claims = token_claims(tenant, "analyst")
        return call(api.handler, "DELETE", f"{BASE}/invoices/i1", claims=claims, query=query)

    refused = remove("globex")
    assert (refused.status, refused.body["code"]) == (404, "INVOICE_NOT_FOUND")
    assert remove("acme").body["total"] == "0.579"
    assert remove("acme").status == 404


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"total": 1.5}, "UNPROCESSABLE"),
        ({"total": "one"}, "UNPROCESSABLE"),
        ({"total": "1e30"}, "INVALID_TOTAL"),
        ({"currency": "usd"}, "INVALID_INVOICE"),
        ({"billing_period": "2026"}, "INVALID_INVOICE"),
    ],
)
def test_a_bad_invoice_is_refused(deployed: World, changes: dict[str, Any], code: str) -> None:
    answer = put_invoice("i1", **changes)
    assert answer.body["code"] == code
    assert get("/invoices").body["rows"] == []


def test_what_is_overdue_is_shown_with_the_bills(deployed: World, late: dict[str, list[Overdue]]) -> None:
    for source in ("a", "b"):
        deployed.deliver(f"acme/{source}/bill.csv", csv_bytes(cur_rows(1)))
    key = OverdueKey("b", "2026-09", Cause.LATE)
    missing = OverdueKey("b", "2026-10", Cause.MISSING)
    late["acme"] = [Overdue(key, NOW, "why", NOW), Overdue(missing, NOW, "never")]
    told = {
        "source": "b",
        "billing_period": "2026-09",
        "bill_id": "b.2026-09",
        "cause": "late",
        "since": "2026-10-02T12:00:00Z",
        "last_delivered_at": "2026-10-02T12:00:00Z",
        "reason": "why",
    }
    listed = get("/bills").body
    assert [row["overdue"] for row in listed["rows"]] == [[], [told]]
    assert [each["bill_id"] for each in listed["overdue"]] == ["b.2026-09", "b.2026-10"]
    only = get("/bills", query={"status": "overdue"}).body
    assert [row["bill_id"] for row in only["rows"]] == ["b.2026-09"]
    assert get("/bills/b.2026-09").body["overdue"] == [told]
    assert get("/bills", tenant="globex").body == {"rows": [], "cursor": None, "overdue": []}
    assert get("/bills", query={"status": "late"}).status == 422


def test_costs_are_asked_with_the_callers_own_token(deployed: World, engine: FakeQueryEngine) -> None:
    answer = get(
        "/costs",
        query={
            "granularity": "total",
            "group_by": "ServiceName,tag:env",
            "filter": ["RegionId:a", "RegionId:b,c"],
            "as_of": "2026-11-01",
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
    assert engine.moments == [datetime(2026, 11, 1, tzinfo=UTC)]
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
    deliveries = ReadDeliveries(world.bills, FakeTroubles(), world.rows, world.clock)
    services = ApiServices(
        StartUpload(FakeLanding(), SequenceIds()), ReadBills(world.bills), deliveries, Costs(refusing)
    )
    monkeypatch.setattr(api, "api_services", lambda: services)

    answer = get("/costs")

    assert (answer.status, answer.body["code"]) == (422, "RESULT_TOO_LARGE")


def test_nobody_without_a_token_is_answered(deployed: World) -> None:
    for route in routes(api.app):
        assert call(api.handler, route.method, route.path, body={}).status == 401
