"""Commits to the lake: replacement of one bill, evolving columns, races, and what readers keep seeing."""

import threading
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from boto3.exceptions import S3UploadFailedError
from pyiceberg.catalog.glue import GlueCatalog
from pyiceberg.exceptions import CommitFailedException, ValidationException

from services.cost_center.adapters import iceberg_lake
from services.cost_center.adapters.glue_database import GlueDatabases
from services.cost_center.adapters.iceberg_lake import IcebergLake, file_io_properties
from services.cost_center.domain.lake_names import database_name
from services.cost_center.domain.tables import PARTITION_COLUMNS, ColumnSpec, ColumnType, StagedTable, Tier
from services.cost_center.events import PublishedTable
from shared.clock import SystemClock
from shared.errors import Unavailable
from shared.tenancy import TenantId
from shared.tenant_credentials import Reach, TenantCredentials
from tests.fakes.cost_center_cloud import Cloud

pytestmark = pytest.mark.emulator

ACME = TenantId("acme")
COST = ColumnSpec("line_item_unblended_cost", ColumnType.DECIMAL)


def staged(
    folder: Path,
    name: str,
    cost: str,
    *,
    source: str = "aws",
    period: str = "2026-09",
    extra: str | None = None,
) -> StagedTable:
    year, month = period.split("-")
    values = {
        COST.name: Decimal(cost),
        **({extra: "x"} if extra else {}),
        "year": year,
        "month": str(int(month)),
        "billing_period": period,
        "source": source,
    }
    columns = (
        COST,
        *([ColumnSpec(extra, ColumnType.STRING)] if extra else []),
        *(ColumnSpec(each, ColumnType.STRING) for each in PARTITION_COLUMNS),
    )
    path = folder / f"{name}.parquet"
    frame = pl.DataFrame([values], schema_overrides={COST.name: pl.Decimal(38, 18)})
    frame.write_parquet(path)
    return StagedTable(Tier.RAW, "cur", period, (path,), 1, columns)


class Lake:
    """The lake of one test, with what was asked of its sleep."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.slept: list[float] = []
        databases = GlueDatabases(cloud.settings.glue_database_prefix, cloud.settings.lake_bucket)
        database = partial(database_name, cloud.settings.glue_database_prefix)
        reach = Reach((cloud.settings.lake_bucket,), database)
        self.credentials = TenantCredentials(cloud.settings.tenant_role_arn, reach, SystemClock())
        self.lake = IcebergLake(
            cloud.settings.lake_bucket, databases, self.credentials, sleep=self.slept.append
        )

    def publish(self, table: StagedTable, delivery: str, *, source: str = "aws") -> PublishedTable:
        files = self.lake.upload(ACME, table, delivery, "attempt")
        return self.lake.replace(
            ACME,
            table,
            files,
            source=source,
            bill_id=f"{source}.{table.billing_period}",
            delivery_id=delivery,
        )

    def table(self) -> Any:
        files = file_io_properties(self.credentials.keys(ACME))
        catalog = GlueCatalog("test", client=self.cloud.client("glue"), **files)
        return catalog.load_table((f"{self.cloud.settings.glue_database_prefix}acme", "cur"))

    def total(self, snapshot_id: int | None = None) -> Decimal:
        rows = self.table().scan(snapshot_id=snapshot_id).to_arrow()
        return sum(rows.column(COST.name).to_pylist(), Decimal(0))


@pytest.fixture
def lake(cloud: Cloud) -> Lake:
    return Lake(cloud)


def test_a_new_delivery_replaces_its_bill_only_and_older_snapshots_stay(lake: Lake, tmp_path: Path) -> None:
    first = lake.publish(staged(tmp_path, "a", "1"), "d1")
    lake.publish(staged(tmp_path, "b", "10", source="other"), "d2", source="other")
    lake.publish(staged(tmp_path, "c", "100", period="2026-08"), "d3")

    second = lake.publish(staged(tmp_path, "d", "1000"), "d4")

    assert lake.total() == Decimal(1110)
    assert lake.total(first.snapshot_id) == Decimal(1)
    assert lake.total(second.snapshot_id) == Decimal(1110)
    summary = lake.table().snapshot_by_id(second.snapshot_id).summary
    assert (summary["onyx.bill"], summary["onyx.delivery"]) == ("aws.2026-09", "d4")


def test_a_column_that_is_new_is_added_and_older_rows_have_none_there(lake: Lake, tmp_path: Path) -> None:
    lake.publish(staged(tmp_path, "a", "1"), "d1")
    lake.publish(staged(tmp_path, "b", "2", period="2026-10", extra="resource_tags_user_env"), "d2")
    lake.publish(staged(tmp_path, "c", "3", period="2026-11"), "d3")

    rows = lake.table().scan().to_arrow().sort_by("month")

    by_month = dict(zip(rows["month"].to_pylist(), rows["resource_tags_user_env"].to_pylist(), strict=True))
    assert by_month == {"9": None, "10": "x", "11": None}


def test_the_same_files_can_be_committed_again(lake: Lake, tmp_path: Path) -> None:
    table = staged(tmp_path, "a", "1")
    lake.publish(table, "d1")

    lake.publish(table, "d1")

    assert lake.total() == Decimal(1)


def test_racing_writers_lose_no_bill(lake: Lake, tmp_path: Path) -> None:
    failures: list[BaseException] = []

    def write(source: str) -> Callable[[], None]:
        def run() -> None:
            try:
                for cost in ("1", "2"):
                    lake.publish(
                        staged(tmp_path, f"{source}{cost}", cost, source=source),
                        f"{source}-{cost}",
                        source=source,
                    )
            except BaseException as error:  # noqa: BLE001 - the test reports it from its own thread
                failures.append(error)

        return run

    threads = [threading.Thread(target=write(source)) for source in ("a", "b", "c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert lake.total() == Decimal(6)


@pytest.mark.parametrize("error", [CommitFailedException, ValidationException])
def test_a_lost_race_is_planned_anew_after_a_wait(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    commit = iceberg_lake._commit
    lost = [error("lost"), error("lost again")]

    def losing(*args: Any) -> int:
        if lost:
            raise lost.pop()
        return commit(*args)

    monkeypatch.setattr(iceberg_lake, "_commit", losing)

    lake.publish(staged(tmp_path, "a", "1"), "d1")

    assert lake.total() == Decimal(1)
    assert len(lake.slept) == 2


def test_too_many_lost_races_are_tried_later(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def losing(*args: Any) -> int:
        raise CommitFailedException("lost")

    monkeypatch.setattr(iceberg_lake, "_commit", losing)

    with pytest.raises(Unavailable):
        lake.publish(staged(tmp_path, "a", "1"), "d1")
    assert len(lake.slept) == iceberg_lake.ATTEMPTS


def test_a_file_that_cannot_be_put_is_a_failure_that_may_pass(lake: Lake, tmp_path: Path) -> None:
    """boto3 tells of it by an error of its own, which no catcher of AWS's errors knows."""
    table = staged(tmp_path, "a", "1")
    bucket = lake.cloud.settings.lake_bucket
    lake.cloud.client("s3").delete_bucket(Bucket=bucket)
    with pytest.raises(Unavailable, match="a file of cur cannot be put in the lake") as failed:
        lake.lake.upload(ACME, table, "d1", "attempt")
    assert isinstance(failed.value.__cause__, S3UploadFailedError)
