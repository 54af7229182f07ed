"""Invoices and overdue bills as the functions keep them: settings, wiring and tables, in moto."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from services.cost_center.adapters.bill_store import BillStore
from services.cost_center.adapters.connection_store import ConnectionStore
from services.cost_center.adapters.delivery_rows import TableDeliveryRows
from services.cost_center.adapters.overdue_store import OverdueStore
from services.cost_center.application.sweep_overdue import SweepOverdue
from services.cost_center.domain.bill import Delivery, DeliveryKind, Waiting
from services.cost_center.domain.connection import Kind, new_connection
from services.cost_center.domain.overdue import Rules
from services.cost_center.handlers import api, invoices_wiring, overdue_wiring, sweep_overdue, wiring
from shared import aws
from shared.clock import FixedClock
from shared.config import load_settings
from shared.events import parse_bridge
from shared.ids import SequenceIds
from shared.outbox import Outbox
from shared.table import TenantTable
from shared.tenancy import TenantId
from shared.tenant_list import TenantList
from tests.fakes.cost_center import ACME, World
from tests.fakes.cost_center_bills import csv_bytes, cur_rows
from tests.fakes.http_calls import Answer, call, token_claims
from tests.fakes.tables import create_table

OTHER = TenantId("globex")
BASE = "/v1/cost-center"
OCTOBER = {
    "bill/BillingPeriodStartDate": "2026-10-01T00:00:00Z",
    "bill/BillingPeriodEndDate": "2026-11-01T00:00:00Z",
    "lineItem/UsageStartDate": "2026-10-01T00:00:00Z",
    "lineItem/UsageEndDate": "2026-10-01T01:00:00Z",
}


class Context:
    def get_remaining_time_in_millis(self) -> int:
        return 60_000


@pytest.fixture(autouse=True)
def deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    tables = ("bill", "reconciliation", "outbox", "invoice", "connection")
    with mock_aws():
        for name, value in {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_REGION": "eu-west-1",
            "LANDING_BUCKET": "landing",
            "QUERY_URL": "http://127.0.0.1:9",
            **{f"{table.upper()}_TABLE": table for table in tables},
        }.items():
            monkeypatch.setenv(name, value)
        secret = boto3.client("secretsmanager").create_secret(
            Name="page-key", SecretString='{"key": "a page secret of enough bytes"}'
        )["ARN"]
        monkeypatch.setenv("PAGE_TOKEN_SECRET_ARN", secret)
        for table in tables:
            create_table(boto3.client("dynamodb"), table, outbox=table == "outbox")
        TenantList("bill").add(ACME)
        forget()
        yield
    forget()


def forget() -> None:
    aws.clear_clients()
    for made in (load_settings, wiring.api_services, invoices_wiring.invoice_services):
        made.cache_clear()
    overdue_wiring.overdue_services.cache_clear()


def events(name: str) -> list[dict[str, Any]]:
    rows = boto3.client("dynamodb").scan(TableName="outbox")["Items"]
    rows = sorted(rows, key=lambda row: row["created_at"]["S"])
    told = [json.loads(row["envelope"]["S"]) for row in rows]
    return [each for each in told if each["type"] == f"{name}.v1"]


def get(path: str, tenant: str = "acme", **query: Any) -> Answer:
    return call(api.handler, "GET", BASE + path, claims=token_claims(tenant), query=query)


def invoice(method: str, number: str, total: str = "1.00", tenant: str = "acme", **changes: Any) -> Answer:
    key = {"billing_account": "a#1/2", "billing_period": "2026-10", "currency": "USD", **changes}
    request: dict[str, Any] = {"query": key} if method == "DELETE" else {"body": {**key, "total": total}}
    claims = token_claims(tenant, "analyst", subject="ada")
    return call(api.handler, method, f"{BASE}/invoices/{number}", claims=claims, **request)


# --- invoices ---


def test_an_invoice_is_kept_replaced_and_removed_and_each_act_is_told_once() -> None:
    assert invoice("PUT", "i1", "10.10").status == 201
    assert invoice("PUT", "i1", "10.1").status == 200
    assert invoice("PUT", "i1", "10.20").status == 200
    assert [(each["data"]["before"], each["data"]["total"]) for each in events("InvoiceEntered")] == [
        (None, "10.1"),
        ("10.1", "10.2"),
    ]
    (first, _) = events("InvoiceEntered")
    assert (first["tenantid"], first["subject"], first["data"]["by"]) == ("acme", "i1", "ada")
    assert parse_bridge({"detail": first, "detail-type": first["type"], "source": first["source"]})
    [row] = get("/invoices").body["rows"]
    assert (row["billing_account"], row["total"]) == ("a#1/2", "10.2")
    assert invoice("DELETE", "i1", tenant="globex").status == 404
    assert invoice("DELETE", "i1").body["total"] == "10.2"
    assert get("/invoices").body["rows"] == []
    assert [each["data"]["total"] for each in events("InvoiceRemoved")] == ["10.2"]
    assert invoice("PUT", "i1").status == 201, "and it can be entered again"


def test_one_number_of_two_accounts_and_tenants_is_several_invoices_and_they_are_paged() -> None:
    invoice("PUT", "i%2F1")
    invoice("PUT", "i%2F1", billing_account="b")
    invoice("PUT", "i%2F1", billing_period="2026-09")
    invoice("PUT", "i%2F1", tenant="globex")
    first = get("/invoices", limit=2)
    second = get("/invoices", limit=2, cursor=first.body["cursor"])
    stolen = get("/invoices", tenant="globex", limit=2, cursor=first.body["cursor"])
    rows = [*first.body["rows"], *second.body["rows"]]
    assert {each["invoice"] for each in rows} == {"i/1"}
    assert [(each["billing_period"], each["billing_account"]) for each in rows] == [
        ("2026-09", "a#1/2"),
        ("2026-10", "a#1/2"),
        ("2026-10", "b"),
    ]
    assert (stolen.status, stolen.body["code"]) == (400, "INVALID_CURSOR")
    assert len(get("/invoices", billing_period="2026-10").body["rows"]) == 2
    assert len(get("/invoices", tenant="globex").body["rows"]) == 1


def test_a_restated_bill_is_compared_anew(world: World) -> None:
    bill_store(world)
    same = {"bill/InvoiceId": "i1", "bill/PayerAccountId": "p"}
    path = "/bills/aws.2026-09/reconciliation"
    invoice("PUT", "i1", "0.58", billing_account="p", billing_period="2026-09")
    for rows, told in ((1, ("0.192", "-0.388", False)), (3, ("0.579", "-0.001", True))):
        world.deliver("acme/aws/bill.csv", csv_bytes(cur_rows(rows, **same)))
        [match] = get(path).body["invoices"]
        assert (match["bill_total"], match["difference"], match["matches"]) == told


def test_groups_that_are_raw_only_are_kept_and_shown_as_such(world: World) -> None:
    bill_store(world)
    world.deliver("acme/first/bill.csv", csv_bytes(cur_rows(1, **{"bill/PayerAccountId": "p"})))
    rows = [*cur_rows(1, **{"bill/PayerAccountId": "p"}), *cur_rows(1, **{"bill/PayerAccountId": "q"})]
    world.deliver("acme/second/bill.csv", csv_bytes(rows))
    groups = get("/bills/second.2026-09/reconciliation").body["rows"]
    assert [(each["billing_account"], each["raw_only"], each["difference"]) for each in groups] == [
        ("p", True, "0"),
        ("q", False, "0"),
    ]
    [row] = [each for each in get("/bills").body["rows"] if each["source"] == "second"]
    assert "0.192 USD of this bill are kept raw" in row["reasons"][0]


# --- overdue ---


class Site:
    """A source that delivers to real tables, and a sweep, at the times that a test says."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.clock = FixedClock(datetime(2026, 10, 10, 6, tzinfo=UTC))
        self.ids = SequenceIds("word")
        bill_store(world)

    def at(self, day: int, hour: int = 6, month: int = 10) -> "Site":
        self.clock = FixedClock(datetime(2026, month, day, hour, tzinfo=UTC))
        return self

    def delivers(self, rows: int, tenant: TenantId = ACME, source: str = "aws") -> None:
        body = csv_bytes(cur_rows(rows, **OCTOBER))
        self.world.deliver(f"{tenant}/{source}/bill.csv", body, at=self.clock.now())

    def swept(self, tenant: TenantId = ACME) -> int:
        rows = OverdueStore(TenantTable("bill"), TenantTable("connection"), Outbox("outbox"))
        return SweepOverdue(rows, Rules(), self.clock, self.ids)(tenant)


def bill_store(world: World) -> None:
    world.bills = BillStore(  # type: ignore[assignment]
        TenantTable("bill"), TenantTable("reconciliation"), Outbox("outbox"), world.clock
    )


@pytest.fixture
def site(world: World) -> Site:
    return Site(world)


def test_a_daily_source_that_stops_is_told_once_until_it_delivers(site: Site) -> None:
    site.at(10).delivers(1)
    assert site.swept() == 0
    site.at(11).delivers(2)
    assert [site.swept(), site.at(13, 5).swept()] == [0, 0]
    assert [site.at(13).swept(), site.at(13, 7).swept()] == [1, 0]
    [told] = events("BillOverdue")
    assert (told["tenantid"], told["subject"]) == ("acme", "aws")
    assert told["data"] == {
        "source": "aws",
        "bill_id": "aws.2026-10",
        "billing_period": "2026-10",
        "cause": "late",
        "since": "2026-10-13T06:00:00Z",
        "last_delivered_at": "2026-10-11T06:00:00Z",
        "reason": told["data"]["reason"],
    }
    listed = get("/bills").body
    assert [each["since"] for each in listed["rows"][0]["overdue"]] == ["2026-10-13T06:00:00Z"]
    assert [each["bill_id"] for each in listed["overdue"]] == ["aws.2026-10"]
    assert get("/bills", tenant="globex").body["overdue"] == []

    site.at(14).delivers(2)  # the same content again is a delivery too
    assert get("/bills").body["overdue"] == [], "before any sweep saw it"
    assert site.swept() == 0
    assert get("/bills").body["overdue"] == []
    assert [site.at(16).swept(), site.at(17).swept()] == [1, 0]
    assert len(events("BillOverdue")) == 2
    assert [each["since"] for each in get("/bills").body["overdue"]] == ["2026-10-16T06:00:00Z"]


def test_a_bill_that_never_came_is_listed_and_one_tenant_is_not_anothers(site: Site) -> None:
    connect("cur", ACME)
    connect("idle", OTHER, verified=False)
    assert [site.at(20).swept(), site.swept(OTHER)] == [0, 0]
    assert [site.at(22).swept(), site.swept(OTHER)] == [1, 0]
    [late] = get("/bills", status="overdue").body["overdue"]
    assert (late["bill_id"], late["last_delivered_at"]) == ("cur.2026-10", None)
    site.at(23).delivers(1, OTHER, "cur")
    site.swept()
    assert len(get("/bills").body["overdue"]) == 1, "it was another tenant's"
    site.delivers(1, ACME, "cur")
    site.swept()
    assert get("/bills").body["overdue"] == []


def connect(source: str, tenant: TenantId, *, verified: bool = True) -> None:
    at = datetime(2026, 10, 1, tzinfo=UTC)
    made = new_connection(tenant, source, "123456789012", Kind.CUR2, nonce="n1", at=at, by="ada")
    connections = ConnectionStore(
        TenantTable("connection"), Outbox("outbox"), FixedClock(at), SequenceIds(), lambda: "random"
    )
    connections.save(tenant, made.verified(at) if verified else made, None)


def test_a_delivery_that_waits_too_long_is_told_until_it_is_done(site: Site) -> None:
    table = TenantTable("bill")
    rows = TableDeliveryRows(table)
    since = datetime(2026, 10, 1, tzinfo=UTC)
    waiting = Waiting(since, "1 of 2 files that the manifest names is not there", billing_period="2026-09")
    stored = site.world.bills.open_delivery(
        ACME, Delivery("d1", "landing", "acme/aws/m.json", "aws", "m.json", since, kind=DeliveryKind.MANIFEST)
    )
    stored = rows.save_delivery(ACME, replace(stored, waiting=waiting))
    assert [site.at(2).swept(), site.at(3, 0).swept(), site.at(9).swept()] == [0, 1, 0]
    [late] = get("/bills").body["overdue"]
    assert (late["cause"], late["bill_id"], late["since"]) == (
        "waiting",
        "aws.2026-09",
        "2026-10-03T00:00:00Z",
    )
    rows.save_delivery(ACME, stored.ended())
    assert site.at(9, 7).swept() == 0
    assert get("/bills").body["overdue"] == []


def test_two_runs_at_once_tell_it_once(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    connect("cur", ACME)
    site.at(1).swept()
    save = OverdueStore.save

    def raced(store: OverdueStore, *arguments: Any) -> None:
        monkeypatch.setattr(OverdueStore, "save", save)
        assert site.swept() == 1
        save(store, *arguments)

    monkeypatch.setattr(OverdueStore, "save", raced)
    assert site.at(10).swept() == 0
    assert len(events("BillOverdue")) == 1


def test_the_function_sweeps_every_tenant_by_its_settings(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OVERDUE_OPEN_MONTH_HOURS", "0")
    TenantList("bill").add(OTHER)
    for tenant in (ACME, OTHER):
        connect("cur", tenant)
    before = datetime.now(UTC) - timedelta(seconds=1)
    found = sweep_overdue.handler({}, Context())
    assert (found["tenants"], found["failed"]) == (2, 0)
    assert found["healed"] >= 2
    assert {each["tenantid"] for each in events("BillOverdue")} == {"acme", "globex"}
    assert all(datetime.fromisoformat(each["time"]) > before for each in events("BillOverdue"))
    assert sweep_overdue.handler({}, Context())["healed"] == 0
