"""Restatements over real adapters: what changed, what the past answers, and many writers at once."""

import io
import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import polars as pl
import pytest

from services.cost_center.adapters.bucket_lists import S3LakeFiles
from services.cost_center.adapters.export_settings import JobsSettings
from services.cost_center.adapters.glue_database import GlueDatabases
from services.cost_center.adapters.iceberg_lake import IcebergLake
from services.cost_center.adapters.iceberg_maintenance import IcebergMaintenance
from services.cost_center.adapters.sweep_store import SweepStore
from services.cost_center.application.maintain_lake import MaintainLake
from services.cost_center.application.sweep_orphans import SweepOrphans
from services.cost_center.domain.lake_names import database_name
from services.cost_center.events import LakeMaintenanceDue
from services.cost_center.handlers import jobs
from services.query_engine.adapters.published_catalog import PublishedCatalog
from shared.clock import FixedClock, SystemClock
from shared.errors import Unavailable
from shared.ids import SequenceIds
from shared.outbox import Outbox
from shared.table import TenantTable
from shared.tenancy import TenantId
from shared.tenant_credentials import Reach, TenantCredentials
from tests.fakes.cost_center_bills import csv_bytes, cur_rows
from tests.fakes.cost_center_cloud import Cloud

pytestmark = pytest.mark.emulator

ACME, GLOBEX = TenantId("acme"), TenantId("globex")
DAY = timedelta(days=1)
MONTH = {
    "2026-09": ("2026-09-01T00:00:00Z", "2026-10-01T00:00:00Z"),
    "2026-10": ("2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z"),
    "2026-11": ("2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z"),
}


def bill(rows: int, period: str = "2026-09") -> bytes:
    begin, end = MONTH[period]
    dates = {"bill/BillingPeriodStartDate": begin, "bill/BillingPeriodEndDate": end}
    return csv_bytes(cur_rows(rows, **dates))


def total(rows: int) -> Decimal:
    return sum((Decimal("0.192") + n * Decimal("0.001") for n in range(rows)), Decimal(0))


def sets(cloud: Cloud, tenant: TenantId, as_of: datetime | None = None) -> dict[str, tuple[str, ...]]:
    """The files of `charges` that a query binds, by bill: their addresses tell the delivery only."""
    table = TenantTable(cloud.settings.bill_table)
    catalog = PublishedCatalog(table, cloud.settings.lake_bucket)
    return {bill.bill_id: tuple(bill.tables["charges"].files) for bill in catalog.published(tenant, as_of)}


def read(cloud: Cloud, uri: str) -> bytes:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    body: bytes = cloud.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    return body


def billed(cloud: Cloud, files: tuple[str, ...]) -> Decimal:
    frames = [pl.read_parquet(io.BytesIO(read(cloud, uri)), columns=["BilledCost"]) for uri in files]
    found = pl.concat(frames)["BilledCost"].sum()
    assert isinstance(found, Decimal)
    return found


def test_a_restatement_tells_what_changed_and_leaves_the_past_readable(cloud: Cloud) -> None:
    cloud.ingest(cloud.put("acme/aws/bill.csv", bill(2)))
    cloud.ingest(cloud.put("globex/aws/bill.csv", bill(1)))
    between = datetime.now(UTC)
    cloud.ingest(cloud.put("acme/aws/bill.csv", bill(5)))

    event = next(each for each in cloud.outbox() if each["type"] == "BillRestated.v1")
    assert event["subject"] == "aws.2026-09"
    changes = event["data"]["changes"]
    assert changes["totals"] == [
        {"currency": "USD", "before": "0.385", "after": "0.97", "difference": "0.585"}
    ]
    document = json.loads(read(cloud, changes["document"]))
    assert document == {"bill_id": "aws.2026-09", "changes": changes["largest"]}
    assert [each["difference"] for each in document["changes"]] == ["0.585"]
    assert changes["document"].startswith(f"s3://{cloud.settings.lake_bucket}/acme/changes/")

    def at(tenant: TenantId, moment: datetime | None) -> list[Decimal]:
        return [billed(cloud, files) for files in sets(cloud, tenant, moment).values()]

    assert at(ACME, None) == [total(5)]
    assert at(ACME, between) == [total(2)]
    assert at(ACME, between - DAY) == []
    assert at(GLOBEX, between) == at(GLOBEX, None) == [total(1)]


def lake_of(cloud: Cloud) -> IcebergLake:
    settings = cloud.settings
    credentials = TenantCredentials(
        settings.tenant_role_arn,
        Reach((settings.lake_bucket,), partial(database_name, settings.glue_database_prefix)),
        SystemClock(),
    )
    databases = GlueDatabases(
        settings.glue_database_prefix, settings.lake_bucket, partial(credentials.client, "glue")
    )
    return IcebergLake(settings.lake_bucket, databases, credentials)


def job_settings(cloud: Cloud) -> JobsSettings:
    kept = cloud.settings
    return JobsSettings(
        jobs_queue_url="unused",
        bill_table=kept.bill_table,
        export_table="unused",
        outbox_table=kept.outbox_table,
        inbox_table=kept.inbox_table,
        lake_bucket=kept.lake_bucket,
        results_bucket="unused",
        glue_database_prefix=kept.glue_database_prefix,
        tenant_role_arn=kept.tenant_role_arn,
    )


def keys(cloud: Cloud, prefix: str) -> set[str]:
    found = cloud.client("s3").list_objects_v2(Bucket=cloud.settings.lake_bucket, Prefix=prefix)
    return {each["Key"] for each in found.get("Contents", [])}


def test_maintenance_forgets_snapshots_but_none_that_a_kept_set_names(cloud: Cloud) -> None:
    for count in (1, 2, 3):
        cloud.ingest(cloud.put("acme/aws/bill.csv", bill(count)))
    rows = SweepStore(TenantTable(cloud.settings.bill_table), Outbox(cloud.settings.outbox_table))
    publications = rows.publications(ACME)["aws.2026-09"]
    rows.let_go(ACME, "aws.2026-09", publications[1].at)
    lake = lake_of(cloud)

    def table() -> Any:
        return lake.catalog(ACME).load_table((f"{cloud.settings.glue_database_prefix}acme", "charges"))

    before = table().metadata.snapshots
    named = rows.bound_snapshots(ACME)[f"{cloud.settings.glue_database_prefix}acme", "charges"]
    manifests = keys(cloud, "acme/curated/charges/metadata/")
    assert len(named) == 2
    assert len(before) > 2
    known = jobs.jobs(job_settings(cloud))
    assert LakeMaintenanceDue in known
    young = jobs.maintenance(job_settings(cloud))
    assert set(young(ACME).values()) == {0}, "an ingest may yet publish what it committed"

    late = replace(young, clock=FixedClock(datetime.now(UTC) + 8 * DAY))
    gone = late(ACME)
    assert gone == {"charges": len(before) - 2, "cur": len(before) - 2}
    assert {each.snapshot_id for each in table().metadata.snapshots} == named
    assert set(late(ACME).values()) == {0}
    assert late(GLOBEX) == {}
    left = keys(cloud, "acme/curated/charges/metadata/")
    assert [key for key in manifests - left if key.endswith(".avro")], "what only they were made of is gone"
    for snapshot in sorted(named):
        scanned = table().scan(snapshot_id=snapshot).to_arrow()
        assert scanned.num_rows in (1, 3)

    cloud.ingest(cloud.put("acme/aws/bill.csv", bill(4)))
    assert [billed(cloud, files) for files in sets(cloud, ACME).values()] == [total(4)]


def test_maintenance_and_a_writer_at_once_lose_nothing(cloud: Cloud) -> None:
    cloud.ingest(cloud.put("acme/aws/bill.csv", bill(1)))
    cloud.ingest(cloud.put("acme/aws/bill.csv", bill(2)))
    rows = SweepStore(TenantTable(cloud.settings.bill_table), Outbox(cloud.settings.outbox_table))
    lake = lake_of(cloud)
    waits: list[float] = []
    raced = threading.Event()
    load = lake.catalog

    def catalog(tenant: TenantId) -> Any:
        found = load(tenant)
        if not raced.is_set():
            raced.set()
            stale = found.load_table((f"{cloud.settings.glue_database_prefix}acme", "charges"))
            cloud.ingest(cloud.put("acme/aws/bill.csv", bill(3)))
            return type("Stale", (), {"load_table": lambda self, name: stale})()
        return found

    maintain = MaintainLake(
        rows,
        IcebergMaintenance(catalog, sleep=waits.append, uniform=lambda low, high: high),
        FixedClock(datetime.now(UTC) + 8 * DAY),
    )
    maintain(ACME)
    assert raced.is_set()
    table = load(ACME).load_table((f"{cloud.settings.glue_database_prefix}acme", "charges"))
    assert table.scan().to_arrow().num_rows == 3
    [files] = sets(cloud, ACME).values()
    assert billed(cloud, files) == total(3)


WRITERS = 3


class Reader(threading.Thread):
    """Looks at what is published over and over: no bill goes missing, and each is one that was delivered."""

    def __init__(self, cloud: Cloud, known: set[Decimal]) -> None:
        super().__init__(daemon=True)
        self.cloud = cloud
        self.known = known
        self.ended = threading.Event()
        self.looks = 0
        self.wrong: list[str] = []

    def run(self) -> None:
        seen: dict[TenantId, set[str]] = {ACME: set(), GLOBEX: set()}
        sums: dict[tuple[str, ...], Decimal] = {}
        while not self.ended.is_set():
            for tenant, bills in seen.items():
                found = sets(self.cloud, tenant)
                if missing := bills - found.keys():
                    self.wrong.append(f"{tenant}: a hole where {missing} was")
                for bill_id, files in found.items():
                    if files not in sums:
                        sums[files] = billed(self.cloud, files)
                    if sums[files] not in self.known:
                        self.wrong.append(f"{tenant} {bill_id}: a mix of {sums[files]}")
                bills |= found.keys()
            self.looks += 1


def until_taken(ingest: Callable[[], None]) -> None:
    """As the queue does: what was too busy is delivered again."""
    for _ in range(20):
        try:
            ingest()
        except Unavailable:
            continue
        return
    raise AssertionError("it was always too busy")


def test_many_writers_at_once_publish_one_set_per_bill_and_no_reader_sees_a_hole_or_a_mix(
    cloud: Cloud,
) -> None:
    rounds: list[dict[tuple[TenantId, int], list[dict[str, Any]]]] = []
    # All three on one bill of one table; then each on a month of its own, with two files each.
    for periods, rows in (
        (["2026-09"] * WRITERS, ([1], [2], [3])),
        (list(MONTH), ([4, 5], [6, 7], [8, 9])),
    ):
        rounds.append(
            {
                (tenant, writer): [
                    cloud.put(f"{tenant}/aws/{period}-{count}.csv", bill(count, period))
                    for count in rows[writer]
                ]
                for tenant in (ACME, GLOBEX)
                for writer, period in enumerate(periods)
            }
        )
    known = {total(count) for count in range(1, 10)}
    start = threading.Barrier(2 * WRITERS)

    def work(tenant: TenantId, writer: int) -> None:
        for each in rounds:
            start.wait(120)
            for event in each[tenant, writer]:
                until_taken(partial(cloud.ingest, event))

    reader = Reader(cloud, known)
    reader.start()
    with ThreadPoolExecutor(2 * WRITERS) as pool:
        list(pool.map(lambda each: work(*each), rounds[0]))
    reader.ended.set()
    reader.join(60)

    assert reader.wrong == []
    assert reader.looks > 3
    table = TenantTable(cloud.settings.bill_table)
    events = cloud.outbox()
    for tenant in (ACME, GLOBEX):
        assert sorted(sets(cloud, tenant)) == [f"aws.{period}" for period in MONTH]
        history = list(table.query_all(tenant, prefix="SET#"))
        mine = [each for each in events if each["tenantid"] == tenant]
        assert len(mine) == len(history)
        for period in MONTH:
            told = [each for each in mine if each["subject"] == f"aws.{period}"]
            told.sort(key=lambda each: each["data"]["published_at"])
            assert [each["type"] for each in told] == [
                "BillIngested.v1",
                *["BillRestated.v1"] * (len(told) - 1),
            ]
            chain = [each["data"]["delivery_id"] for each in told[:-1]]
            assert [each["data"]["previous"]["delivery_id"] for each in told[1:]] == chain
            current = told[-1]["data"]
            assert billed(cloud, sets(cloud, tenant)[f"aws.{period}"]) == Decimal(
                current["totals"][0]["curated"]
            )
        open_ones = [row for row in table.query_all(tenant, prefix="DELIVERY#") if row["status"] != "done"]
        assert open_ones == []

    store = SweepStore(table, Outbox(cloud.settings.outbox_table))
    lake = cloud.settings.lake_bucket
    later = FixedClock(datetime.now(UTC) + 2 * DAY)
    sweep = SweepOrphans(S3LakeFiles(lake), store, lake, later, SequenceIds(), pages=9, safe_age=DAY)
    for tenant in (ACME, GLOBEX):
        sweep(tenant)
        data = {f"s3://{lake}/{key}" for key in keys(cloud, f"{tenant}/") if "/metadata/" not in key}
        assert data == store.published_files(tenant), "no orphan is left, and nothing published is gone"
