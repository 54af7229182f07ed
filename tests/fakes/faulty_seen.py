"""What is to be seen of a site: by its readers, in the lake's bucket and in its tables."""

import io
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.catalog.glue import GlueCatalog
from pyiceberg.expressions import And, EqualTo

from services.cost_center.adapters.iceberg_lake import file_io_properties
from services.cost_center.adapters.sweep_store import SweepStore
from services.cost_center.domain.bill import Bill
from services.cost_center.domain.lake_names import database_name
from services.cost_center.domain.ports import Bills
from services.cost_center.domain.tables import CHARGES, PARTITIONED_BY, Tier
from services.cost_center.events import PublishedTable
from shared.clock import SystemClock
from shared.outbox import Outbox
from shared.table import TenantTable
from shared.tenancy import TenantId
from shared.tenant_credentials import Reach, TenantCredentials
from tests.fakes.cost_center_cloud import Cloud


class Seen:
    """Reads what the site's own adapters wrote."""

    def __init__(self, cloud: Cloud, bills: Bills) -> None:
        self.cloud = cloud
        self._bills = bills
        self._s3 = cloud.client("s3")

    def bills(self, tenant: TenantId) -> list[Bill]:
        return list(self._bills.bills(tenant, limit=1000, cursor=None).bills)

    def state(self, tenants: Sequence[TenantId]) -> dict[tuple[str, str], Any]:
        """What readers see of each bill: the rows of the very files that its published set names.

        A bill that could not be read is named after its delivery, which is another one at another site.
        """
        found: dict[tuple[str, str], Any] = {}
        for tenant in tenants:
            bills = self.bills(tenant)
            found |= {(tenant, bill.bill_id): self._seen(tenant, bill) for bill in bills if bill.published}
            refused = [(bill.outcome.status, bill.outcome.reasons) for bill in bills if not bill.published]
            found[tenant, "refused"] = sorted(refused)
        return found

    def _seen(self, tenant: TenantId, bill: Bill) -> Any:
        assert bill.published is not None
        groups = self._bills.reconciliation(tenant, bill.bill_id, bill.published)
        return (
            bill.published.content,
            bill.published.delivered_at,
            bill.published.primary,
            bill.outcome.rows,
            bill.outcome.totals,
            sorted(groups, key=lambda group: group.key),
            {name: self._rows(table) for name, table in bill.published.tables.items()},
        )

    def _rows(self, table: PublishedTable) -> tuple[int, dict[str, Decimal]]:
        """How many rows, and the exact sum of every column of money."""
        rows = 0
        sums: dict[str, Decimal] = {}
        for file in table.files:
            bucket, key = file.removeprefix("s3://").split("/", 1)
            body = self._s3.get_object(Bucket=bucket, Key=key)["Body"].read()
            read = pq.read_table(io.BytesIO(body))
            rows += read.num_rows
            for column in read.schema:
                if pa.types.is_decimal(column.type):
                    values = [each for each in read[column.name].to_pylist() if each is not None]
                    sums[column.name] = sums.get(column.name, Decimal(0)) + sum(values, Decimal(0))
        assert rows == table.rows
        return rows, sums

    def data_files(self, tenant: TenantId) -> set[str]:
        bucket = self.cloud.settings.lake_bucket
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{tenant}/")
        keys = [each["Key"] for page in pages for each in page.get("Contents", [])]
        return {f"s3://{bucket}/{key}" for key in keys if "/metadata/" not in key}

    def published_files(self, tenant: TenantId) -> set[str]:
        settings = self.cloud.settings
        return SweepStore(TenantTable(settings.bill_table), Outbox(settings.outbox_table)).published_files(
            tenant
        )

    def check_lake(self, tenant: TenantId) -> None:
        """Every table's head can be planned, and each bound snapshot holds a bill's files and no other."""
        settings = self.cloud.settings
        keys = TenantCredentials(
            settings.tenant_role_arn, Reach((settings.lake_bucket,)), SystemClock()
        ).keys(tenant)
        catalog = GlueCatalog("test", client=self.cloud.client("glue"), **file_io_properties(keys))
        tables: dict[str, Any] = {}
        for bill in self.bills(tenant):
            for name, bound in (bill.published.tables if bill.published else {}).items():
                if name not in tables:
                    database = database_name(settings.glue_database_prefix, tenant)
                    tables[name] = catalog.load_table((database, name))
                    list(tables[name].scan().plan_files())
                table = tables[name]
                columns = PARTITIONED_BY[Tier.CURATED if name == CHARGES else Tier.RAW]
                equal: Any = EqualTo
                values = (bill.outcome.source, bill.outcome.billing_period)
                rows = And(*(equal(*each) for each in zip(columns, values, strict=True)))
                planned = table.scan(row_filter=rows, snapshot_id=bound.snapshot_id).plan_files()
                assert sorted(each.file.file_path for each in planned) == sorted(bound.files)
