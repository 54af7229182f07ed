"""What Athena is to read of a published bill (a partition of a snapshot) is what its files hold."""

from functools import partial

import pytest
from pyiceberg.expressions import And, EqualTo

from services.cost_center.adapters.glue_database import GlueDatabases
from services.cost_center.adapters.iceberg_lake import IcebergLake
from services.cost_center.domain.lake_names import database_name
from services.query_engine.adapters.published_catalog import PublishedCatalog
from services.query_engine.domain.databases import database_of
from services.query_engine.domain.tables import Version
from shared.clock import SystemClock
from shared.table import TenantTable
from shared.tenancy import TenantId
from shared.tenant_credentials import Reach, TenantCredentials
from tests.fakes.cost_center_bills import csv_bytes, cur_rows
from tests.fakes.cost_center_cloud import Cloud

pytestmark = pytest.mark.emulator

ACME, GLOBEX = TenantId("acme"), TenantId("globex")


def bill(rows: int, month: int) -> bytes:
    begin, end = f"2026-{month:02}-01T00:00:00Z", f"2026-{month + 1:02}-01T00:00:00Z"
    dates = {"bill/BillingPeriodStartDate": begin, "bill/BillingPeriodEndDate": end}
    return csv_bytes(cur_rows(rows, **dates))


def held(lake: IcebergLake, tenant: TenantId, version: Version) -> tuple[set[str], int]:
    """The files, and the rows in them, that a scan of the version reads."""
    table = lake.catalog(tenant).load_table((version.database, version.table))
    own = And(*(EqualTo(name, value) for name, value in version.partition))
    scan = table.scan(snapshot_id=version.snapshot_id, row_filter=own, case_sensitive=False)
    return {each.file.file_path for each in scan.plan_files()}, scan.to_arrow().num_rows


def test_a_version_holds_the_files_of_its_bill_and_no_others(cloud: Cloud) -> None:
    cloud.ingest(cloud.put("acme/aws/september.csv", bill(2, 9)))
    cloud.ingest(cloud.put("acme/aws/october.csv", bill(3, 10)))
    cloud.ingest(cloud.put("acme/other/september.csv", bill(4, 9)))
    cloud.ingest(cloud.put("globex/aws/september.csv", bill(1, 9)))
    cloud.ingest(cloud.put("acme/aws/september.csv", bill(5, 9)))
    settings = cloud.settings
    database = partial(database_name, settings.glue_database_prefix)
    credentials = TenantCredentials(
        settings.tenant_role_arn, Reach((settings.lake_bucket,), database), SystemClock()
    )
    glue = partial(credentials.client, "glue")
    lake = IcebergLake(
        settings.lake_bucket,
        GlueDatabases(settings.glue_database_prefix, settings.lake_bucket, glue),
        credentials,
    )
    catalog = PublishedCatalog(TenantTable(settings.bill_table), settings.lake_bucket)
    for tenant, sizes in ((ACME, [3, 4, 5]), (GLOBEX, [1])):
        tables = catalog.tables(tenant)
        rows = []
        for version in tables["cur"].versions:
            files, count = held(lake, tenant, version)
            assert files == set(version.files)
            rows.append(count)
            assert version.database == database(tenant) == database_of(settings.glue_database_prefix, tenant)
        assert sorted(rows) == sizes
        found = [held(lake, tenant, version) for version in tables["charges"].versions]
        assert [files for files, _ in found] == [set(each.files) for each in tables["charges"].versions]
        assert sum(count for _, count in found) == tables["charges"].rows
