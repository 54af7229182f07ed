"""One suite for the exports port: the store in DynamoDB and its fake behave alike. And S3, with moto."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from moto import mock_aws

from services.cost_center.adapters.export_store import ExportStore
from services.cost_center.adapters.results_s3 import LINK_LIFE, ExportFilesS3, ResultLinks
from services.cost_center.domain.export_ports import Exports
from services.cost_center.domain.exports import BoundSet, Export, ExportStatus, ExportTotal
from services.cost_center.events import ExportRequested
from shared import aws
from shared.clock import FixedClock
from shared.errors import Conflict, NotFound, VersionConflict
from shared.outbox import Outbox
from shared.table import PageKeys, TenantTable
from shared.tenancy import TenantId
from tests.fakes.cost_center import ACME, NOW
from tests.fakes.cost_center_exports import SEPTEMBER, FakeExports
from tests.fakes.tables import create_table

GLOBEX = TenantId("globex")


@pytest.fixture
def amazon(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        aws.clear_clients()
        yield
    aws.clear_clients()


@pytest.fixture(params=["fake", "dynamodb"])
def exports(request: pytest.FixtureRequest) -> Exports:
    if request.param == "fake":
        return FakeExports()
    request.getfixturevalue("amazon")
    client = boto3.client("dynamodb", region_name="us-east-1")
    create_table(client, "export")
    create_table(client, "outbox", outbox=True)
    keys = PageKeys(b"a secret of this test only, long")
    return ExportStore(TenantTable("export", client, keys), Outbox("outbox", client))


def export(number: int = 1) -> Export:
    return Export(
        export_id=f"e{number}",
        request=SEPTEMBER,
        status=ExportStatus.PENDING,
        attempt=1,
        requested_at=NOW,
        updated_at=NOW,
        sets=(BoundSet("aws.2026-09", "2026-09", NOW, ("s3://lake/acme/a.parquet",), 3),),
        expected=(("USD", Decimal("12345678901234567890.123456789012345678")),),
    )


def event(of: Export) -> ExportRequested:
    return ExportRequested(
        export_id=of.export_id,
        attempt=of.attempt,
        format="csv",
        focus_version="1.2",
        first_period="2026-09",
        last_period="2026-09",
        bills=["aws.2026-09"],
        requested_at=NOW,
    )


def test_what_is_stored_is_read_again(exports: Exports) -> None:
    asked = export()
    exports.request(ACME, asked, event(asked))
    stored = exports.get(ACME, "e1")
    assert stored == replace(asked, version=1)
    assert stored is not None
    done = replace(
        stored,
        status=ExportStatus.DONE,
        rows=3,
        bytes=100,
        totals=(ExportTotal("USD", Decimal("-1.5"), Decimal("0"), Decimal("2"), Decimal("1e-18")),),
        expires_at=NOW + timedelta(days=6),
    )
    assert exports.save(ACME, done) == replace(done, version=2)
    assert exports.get(ACME, "e1") == replace(done, version=2)


def test_a_job_is_written_once_and_in_turn(exports: Exports) -> None:
    asked = export()
    exports.request(ACME, asked, event(asked))
    with pytest.raises(Conflict):
        exports.request(ACME, asked, event(asked))
    with pytest.raises(VersionConflict):
        exports.save(ACME, replace(asked, version=7))
    again = replace(asked, attempt=2, version=1)
    exports.request(ACME, again, event(again))
    stored = exports.get(ACME, "e1")
    assert stored is not None
    assert (stored.attempt, stored.version) == (2, 2)


def test_jobs_are_paged_and_of_one_tenant(exports: Exports) -> None:
    for number in range(1, 4):
        exports.request(ACME, export(number), event(export(number)))
    exports.request(GLOBEX, export(9), event(export(9)))
    first = exports.page(ACME, limit=2, cursor=None)
    last = exports.page(ACME, limit=2, cursor=first.cursor)
    assert [each.export_id for each in (*first.exports, *last.exports)] == ["e1", "e2", "e3"]
    assert last.cursor is None
    assert exports.get(GLOBEX, "e1") is None


def test_the_event_leaves_with_the_job_or_neither_does(amazon: None) -> None:
    client = boto3.client("dynamodb", region_name="us-east-1")
    create_table(client, "export")
    create_table(client, "outbox", outbox=True)
    store = ExportStore(TenantTable("export", client), Outbox("outbox", client))
    store.request(ACME, export(), event(export()))
    with pytest.raises(Conflict):
        store.request(ACME, export(), event(export()))
    (row,) = client.scan(TableName="outbox")["Items"]
    assert row["detail_type"]["S"] == "ExportRequested.v1"
    (job,) = client.scan(TableName="export")["Items"]
    assert (job["pk"]["S"], job["sk"]["S"]) == ("TENANT#acme", "EXPORT#e1")
    assert int(job["ttl"]["N"]) > NOW.timestamp()


def test_files_of_the_tenants_own_lake_and_no_others(amazon: None, tmp_path: Path) -> None:
    s3 = boto3.client("s3", region_name="us-east-1")
    for bucket in ("lake", "results"):
        s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket="lake", Key="acme/curated/a.parquet", Body=b"rows")
    files = ExportFilesS3("lake", "results", lambda tenant: s3)
    target = tmp_path / "a"

    files.fetch(ACME, "s3://lake/acme/curated/a.parquet", target)
    assert target.read_bytes() == b"rows"
    for uri in (
        "s3://lake/acme/curated/gone.parquet",
        "s3://lake/globex/curated/a.parquet",
        "s3://other/acme/curated/a.parquet",
        "/etc/passwd",
    ):
        with pytest.raises(NotFound) as caught:
            files.fetch(ACME, uri, target)
        assert caught.value.code == "LAKE_FILE_GONE"

    files.put(ACME, "acme/exports/e1/focus.csv", target, "text/csv")
    stored = s3.get_object(Bucket="results", Key="acme/exports/e1/focus.csv")
    assert (stored["Body"].read(), stored["ContentType"]) == (b"rows", "text/csv")


def test_a_link_is_to_one_object_for_a_short_time(amazon: None) -> None:
    link = ResultLinks("results", FixedClock(NOW)).sign("acme/exports/e1/focus.csv")
    found = urlsplit(link.url)
    assert found.path.endswith("/acme/exports/e1/focus.csv")
    assert parse_qs(found.query)["X-Amz-Expires"] == [str(int(LINK_LIFE.total_seconds()))]
    assert link.expires_at == NOW + LINK_LIFE
