"""The ports of the query engine: one suite over the fakes and over DynamoDB (moto)."""

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from moto import mock_aws

from services.query_engine.adapters.current_catalog import CurrentCatalog
from services.query_engine.adapters.dataset_table import DatasetTable
from services.query_engine.adapters.published_catalog import PublishedCatalog
from services.query_engine.adapters.query_log import DynamoQueryLog
from services.query_engine.domain.answers import QueryLog, QueryRecord, Status
from services.query_engine.domain.datasets import Dataset, Datasets
from services.query_engine.domain.focus import CHARGES
from services.query_engine.domain.tables import Table
from shared.errors import Conflict, Forbidden
from shared.table import TenantTable
from shared.tenancy import TenantId
from tests.fakes.query_engine import FakeDatasets, FakeQueryLog
from tests.fakes.query_engine_lake import BILLS, DATASETS, LAKE, QUERIES, Lake

ACME, GLOBEX = TenantId("acme"), TenantId("globex")
NOW = datetime(2026, 11, 20, 9, 30, 0, 123456, tzinfo=UTC)


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lake]:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    with mock_aws():
        yield Lake()


@pytest.fixture(params=["fake", "dynamodb"])
def log(request: pytest.FixtureRequest) -> QueryLog:
    if request.param == "fake":
        return FakeQueryLog()
    cloud = request.getfixturevalue("cloud")
    return DynamoQueryLog(TenantTable(QUERIES, cloud.dynamodb))


@pytest.fixture(params=["fake", "dynamodb"])
def datasets(request: pytest.FixtureRequest) -> Datasets:
    if request.param == "fake":
        return FakeDatasets()
    cloud = request.getfixturevalue("cloud")
    return DatasetTable(TenantTable(DATASETS, cloud.dynamodb))


RECORD = QueryRecord(
    query_id="id-1",
    subject="ada",
    sql="select 1",
    sql_bytes=8,
    status=Status.RUNNING,
    started_at=NOW,
    engine="polars",
    files=2,
    tables=("charges",),
    snapshots=(2**62 + 1,),
    as_of=NOW - timedelta(days=1),
)


def test_a_record_is_kept_and_replaced_by_its_end(log: QueryLog) -> None:
    log.begin(ACME, RECORD)
    assert log.find(ACME, "id-1") == RECORD
    ended = replace(RECORD, status=Status.DONE, rows=3, bytes=99, elapsed_ms=12)
    log.finish(ACME, ended)
    assert log.find(ACME, "id-1") == ended


def test_a_record_is_its_tenants_and_is_begun_once(log: QueryLog) -> None:
    log.begin(ACME, RECORD)
    assert log.find(GLOBEX, "id-1") is None
    assert log.find(ACME, "id-2") is None
    log.begin(GLOBEX, RECORD)
    with pytest.raises(Conflict):
        log.begin(ACME, RECORD)


DATASET = Dataset("aws.2026-09", "aws", "2026-09", ("charges", "cur"), 1276, NOW)


def test_the_newest_publication_stays(datasets: Datasets) -> None:
    older = replace(DATASET, published_at=NOW - timedelta(microseconds=1), rows=1)
    newer = replace(DATASET, published_at=NOW + timedelta(microseconds=1), rows=2)
    assert datasets.record(ACME, DATASET)
    assert not datasets.record(ACME, DATASET)
    assert not datasets.record(ACME, older)
    assert list(datasets.all(ACME)) == [DATASET]
    assert datasets.record(ACME, newer)
    assert not datasets.record(ACME, DATASET)
    assert list(datasets.all(ACME)) == [newer]
    assert list(datasets.all(GLOBEX)) == []


def test_datasets_are_recorded_together_or_not_at_all(datasets: Datasets) -> None:
    newer = replace(DATASET, published_at=NOW + timedelta(seconds=1), rows=2)
    other = replace(DATASET, bill_id="focus.2026-09")
    datasets.record_together([(ACME, newer), (GLOBEX, DATASET), (ACME, DATASET)])
    assert (list(datasets.all(ACME)), list(datasets.all(GLOBEX))) == ([newer], [DATASET])
    with pytest.raises(Conflict):
        datasets.record_together([(ACME, other), (ACME, DATASET)])
    assert list(datasets.all(ACME)) == [newer]


def frame(**columns: Any) -> pl.DataFrame:
    return pl.DataFrame({name: [value] for name, value in columns.items()})


def test_the_catalog_is_the_union_of_the_published_bills(cloud: Lake) -> None:
    cloud.publish("acme", "aws.2026-09", {"cur": frame(line_item_usage_type="a", n=1)})
    cloud.publish("acme", "aws.2026-10", {"cur": frame(line_item_usage_type="b", m="x")}, published_at=NOW)
    cloud.publish("globex", "aws.2026-09", {"focus": frame(ServiceName="x")})
    cloud.bills.put_new(
        ACME,
        "BILL#aws.2026-11",
        {"bill_id": "aws.2026-11", "source": "aws", "billing_period": "2026-11", "published": None},
    )
    cloud.bills.put_new(ACME, "DELIVERY#1", {"delivery_id": "1"})
    tables = PublishedCatalog(TenantTable(BILLS, cloud.dynamodb), LAKE).tables(ACME)
    assert set(tables) == {"charges", "cur"}
    cur = tables["cur"]
    assert [(each.name, each.type) for each in cur.columns] == [
        ("line_item_usage_type", "varchar"),
        ("n", "bigint"),
        ("m", "varchar"),
    ]
    assert (cur.rows, len(cur.files), len(cur.groups), cur.published_at) == (2, 2, 2, NOW)
    assert cur.snapshots == (1, 2)
    assert tables["charges"].columns == CHARGES
    assert tables["charges"].files == ()


def test_every_page_of_bills_is_read(cloud: Lake) -> None:
    """More than 1 MB of rows, which is what DynamoDB answers at once."""
    blob = "x" * 10_000
    shared = f"s3://{LAKE}/acme/curated/charges/data/shared.parquet"
    for at in range(150):
        cloud.publish(
            "acme",
            f"source-{at:03}.2026-09",
            {"charges": frame(ServiceName="x")},
            files={"charges": [shared.replace("shared", f"{at:03}")]},
            also={"note": blob},
        )
    first = cloud.dynamodb.query(
        TableName=BILLS,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": "TENANT#acme"}},
    )
    assert first["Count"] < 150
    tables = PublishedCatalog(TenantTable(BILLS, cloud.dynamodb), LAKE).tables(ACME)
    assert len(tables["charges"].files) == 150
    assert tables["charges"].rows == 150
    assert len(tables["charges"].groups) == 1


def test_a_file_that_is_anothers_fails_the_catalog(cloud: Lake) -> None:
    cloud.publish("acme", "aws.2026-09", {"charges": frame(ServiceName="mine")})
    cloud.publish(
        "acme",
        "aws.2026-10",
        {"charges": frame(ServiceName="theirs")},
        files={"charges": [f"s3://{LAKE}/globex/curated/charges/data/0.parquet"]},
    )
    with pytest.raises(Forbidden) as caught:
        PublishedCatalog(TenantTable(BILLS, cloud.dynamodb), LAKE).tables(ACME)
    assert caught.value.code == "UNSAFE_PATH"


def test_a_lease_is_put_off_and_an_end_is_asked_for(log: QueryLog) -> None:
    running = replace(RECORD, lease_until=NOW)
    log.begin(ACME, running)
    later = NOW + timedelta(minutes=1)
    assert log.renew(ACME, "id-1", later) is False
    assert log.find(ACME, "id-1") == replace(running, lease_until=later)
    assert log.request_cancel(GLOBEX, "id-1") is None
    asked = log.request_cancel(ACME, "id-1")
    assert asked is not None
    assert asked.cancel_requested
    assert log.renew(ACME, "id-1", later) is True
    done = replace(running, status=Status.DONE, lease_until=None)
    log.finish(ACME, done)
    assert log.find(ACME, "id-1") == done


def test_a_record_is_kept_for_its_time(cloud: Lake) -> None:
    DynamoQueryLog(TenantTable(QUERIES, cloud.dynamodb), timedelta(days=3)).begin(ACME, RECORD)
    (row,) = cloud.dynamodb.scan(TableName=QUERIES)["Items"]
    assert int(row["ttl"]["N"]) == int((NOW + timedelta(days=3)).timestamp())


class Counted:
    """A catalog that counts how often it is read."""

    def __init__(self, catalog: PublishedCatalog) -> None:
        self._catalog = catalog
        self.reads = 0

    def tables(self, tenant: TenantId, as_of: datetime | None = None) -> dict[str, Table]:
        self.reads += 1
        return self._catalog.tables(tenant, as_of)


def test_the_catalog_is_read_anew_when_a_bill_changed_and_not_otherwise(cloud: Lake) -> None:
    bills = TenantTable(BILLS, cloud.dynamodb)
    counted = Counted(PublishedCatalog(bills, LAKE))
    catalog = CurrentCatalog(counted, bills)
    frame = pl.DataFrame({"k": [1, 2]})
    cloud.publish("acme", "aws.2026-09", {"cur": frame})
    first = catalog.tables(ACME)
    assert catalog.tables(ACME) == first
    assert (counted.reads, first["cur"].rows) == (1, 2)
    # What a caller does to its copy is nobody else's.
    first.clear()
    assert catalog.tables(ACME)["cur"].rows == 2
    cloud.publish("acme", "aws.2026-10", {"cur": frame})
    assert catalog.tables(ACME)["cur"].rows == 4
    item = bills.get(ACME, "BILL#aws.2026-10")
    assert item is not None
    bills.put(ACME, "BILL#aws.2026-10", {**item, "published": None}, expected_version=item.pop("version"))
    assert catalog.tables(ACME)["cur"].rows == 2
    assert counted.reads == 3
    bills.delete(ACME, "BILL#aws.2026-09")
    assert "cur" not in catalog.tables(ACME)
    assert "cur" not in catalog.tables(GLOBEX)
    assert counted.reads == 5
    catalog.tables(ACME, NOW)
    assert counted.reads == 6
