"""The Lambda functions as they are deployed: settings, wiring and tables, in moto."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from services.cost_center.adapters.bill_store import BillStore
from services.cost_center.adapters.trouble_rows import TroubleRows
from services.cost_center.domain.trouble import Trouble
from services.cost_center.handlers import (
    api,
    invoices_wiring,
    on_tenant_created,
    overdue_wiring,
    wiring,
)
from services.identity.events import TenantCreated
from shared import aws
from shared.clock import FixedClock
from shared.config import load_settings
from shared.events import envelope
from shared.outbox import Outbox
from shared.table import TenantTable
from shared.tenant_list import TenantList
from tests.fakes.cost_center import ACME, NOW, World
from tests.fakes.cost_center_bills import csv_bytes, cur_rows
from tests.fakes.http_calls import Answer, call, token_claims
from tests.fakes.messages import bridge_body, sqs_record
from tests.fakes.tables import create_table


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        for name, value in {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_REGION": "eu-west-1",
            "BILL_TABLE": "bill",
            "RECONCILIATION_TABLE": "reconciliation",
            "OUTBOX_TABLE": "outbox",
            "INVOICE_TABLE": "invoice",
            "INBOX_TABLE": "inbox",
            "LANDING_BUCKET": "landing",
            "LAKE_BUCKET": "lake",
            "GLUE_DATABASE_PREFIX": "onyx_dev_",
            "QUERY_URL": "http://127.0.0.1:9",
        }.items():
            monkeypatch.setenv(name, value)
        secret = boto3.client("secretsmanager").create_secret(
            Name="page-key", SecretString='{"key": "a page secret of enough bytes"}'
        )["ARN"]
        monkeypatch.setenv("PAGE_TOKEN_SECRET_ARN", secret)
        for table in ("bill", "reconciliation", "invoice", "outbox", "inbox"):
            create_table(boto3.client("dynamodb"), table, outbox=table == "outbox")
        forget()
        yield
    forget()


def forget() -> None:
    aws.clear_clients()
    load_settings.cache_clear()
    for made in (wiring.api_services, invoices_wiring.invoice_services, overdue_wiring.overdue_services):
        made.cache_clear()
    on_tenant_created.consumer.cache_clear()


def get(path: str, tenant: str = "acme", **query: Any) -> Answer:
    claims = token_claims(tenant)
    return call(api.handler, "GET", f"/v1/cost-center{path}", claims=claims, query=query)


def test_bills_are_paged_with_a_cursor_that_belongs_to_its_tenant(deployed: None, world: World) -> None:
    world.bills = BillStore(  # type: ignore[assignment]
        TenantTable("bill"), TenantTable("reconciliation"), Outbox("outbox"), FixedClock(NOW)
    )
    for source in ("a", "b", "c"):
        world.deliver(f"acme/{source}/bill.csv", csv_bytes(cur_rows(1)))

    first = get("/bills", limit=2)
    second = get("/bills", limit=2, cursor=first.body["cursor"])
    stolen = get("/bills", tenant="globex", limit=2, cursor=first.body["cursor"])

    assert [row["source"] for row in first.body["rows"]] == ["a", "b"]
    assert [row["source"] for row in second.body["rows"]] == ["c"]
    assert (stolen.status, stolen.body["code"]) == (400, "INVALID_CURSOR")
    assert get("/bills/a.2026-09/reconciliation").body["rows"][0]["raw_total"] == "0.192"


def test_failed_deliveries_are_paged_with_a_cursor_that_belongs_to_its_tenant(deployed: None) -> None:
    rows = TroubleRows(TenantTable("bill"))
    for number in (1, 2, 3):
        rows.save_trouble(
            ACME,
            Trouble(
                delivery_id=f"d{number}",
                key=f"acme/aws/{number}.csv",
                source="aws",
                filename=f"{number}.csv",
                message_id="m",
                attempts=5,
                receive=5,
                receives=5,
                since=NOW,
                code="UNHANDLED",
                reason="OSError: no space",
                alive_until=NOW,
                ended=NOW,
            ),
        )

    first = get("/deliveries", status="failed", limit=2)
    second = get("/deliveries", status="failed", limit=2, cursor=first.body["cursor"])
    stolen = get("/deliveries", tenant="globex", status="failed", limit=2, cursor=first.body["cursor"])

    assert [row["filename"] for row in first.body["rows"]] == ["1.csv", "2.csv"]
    assert [row["filename"] for row in second.body["rows"]] == ["3.csv"]
    assert (stolen.status, stolen.body["code"]) == (400, "INVALID_CURSOR")
    assert get("/deliveries", tenant="globex", status="failed").body["rows"] == []
    assert get("/deliveries/d1").body["failure"]["reason"] == "OSError: no space"
    assert get("/deliveries/d1", tenant="globex").status == 404


def test_an_upload_is_signed_for_an_encrypted_bucket_of_the_region(deployed: None) -> None:
    answer = call(
        api.handler,
        "POST",
        "/v1/cost-center/uploads",
        body={"source": "aws", "filename": "bill 1.csv"},
        claims=token_claims("acme", "analyst"),
    )

    assert answer.status == 201
    url = answer.body["url"]
    assert url.startswith("https://landing.s3.eu-west-1.amazonaws.com/acme/aws/")
    assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in url
    assert "bill%201.csv" in url


def test_costs_say_when_the_query_engine_cannot_be_reached(deployed: None) -> None:
    answer = get("/costs")

    assert (answer.status, answer.body["code"]) == (503, "QUERY_UNAVAILABLE")


def test_a_new_tenant_gets_its_database_and_is_listed_once(deployed: None) -> None:
    event = TenantCreated(tenant="acme", name="Acme", created_at=NOW)
    records = [
        sqs_record(bridge_body(envelope(event, tenant=ACME, id=f"e-{number}", time=NOW)), f"m-{number}")
        for number in range(2)
    ]

    answer = on_tenant_created.handler({"Records": records}, None)

    assert answer == {"batchItemFailures": []}
    [database] = boto3.client("glue").get_databases()["DatabaseList"]
    assert (database["Name"], database["LocationUri"]) == ("onyx_dev_acme", "s3://lake/acme")
    assert list(TenantList("bill").turns("landing")) == [ACME], "the sweeps know of it"
