"""What restatements changed: sums over the parquet files of two sets, and the document that tells it all."""

from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from services.cost_center.adapters.iceberg_lake import file_io_properties
from services.cost_center.adapters.lake_files import LakeFiles
from services.cost_center.domain.changes import ChargeKey, ChargeSums
from services.cost_center.domain.lake_names import changes_key
from services.cost_center.domain.tables import StagedTable
from services.cost_center.events import PublishedTable
from shared.errors import Unavailable
from shared.money import exact_sum
from shared.tenancy import TenantId
from shared.tenant_credentials import TenantCredentials

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_KEYS = ("ServiceName", "SubAccountId", "ChargeCategory", "BillingCurrency")
_COST = "BilledCost"
_WIDE = pa.decimal256(76, 18)
"""The type to sum in: decimal(38,18) would run over at 10**20."""
_BATCH = 262_144


class ChangeReports:
    """One environment's lake, as restatements are told from it."""

    def __init__(self, bucket: str, credentials: TenantCredentials) -> None:
        self._bucket = bucket
        self._credentials = credentials

    def staged(self, charges: StagedTable) -> ChargeSums:
        """The sums of files on this machine."""
        return charge_sums(charges.paths)

    def published(self, tenant: TenantId, charges: PublishedTable) -> ChargeSums:
        """The sums of a published set, of which only five columns are fetched. Raises Unavailable where a
        file cannot be read."""
        files = LakeFiles(file_io_properties(self._credentials.keys(tenant)))
        try:
            return charge_sums(files.new_input(uri).open() for uri in charges.files)
        except (OSError, pa.ArrowException) as error:
            raise Unavailable(f"the published charges cannot be read: {error}") from error

    def save(self, tenant: TenantId, bill_id: str, delivery_id: str, attempt: str, body: bytes) -> str:
        """Keep a document; returns its URI."""
        key = changes_key(tenant, bill_id, delivery_id, attempt)
        s3: S3Client = self._credentials.client("s3", tenant)
        s3.put_object(Bucket=self._bucket, Key=key, Body=body, ContentType="application/json")
        return f"s3://{self._bucket}/{key}"


def charge_sums(files: Iterable[Any]) -> ChargeSums:
    """The sums of parquet files, a batch at a time, so that memory does not grow with the bill."""
    sums: dict[ChargeKey, Decimal] = {}
    for file in files:
        with pq.ParquetFile(file) as parquet:
            for batch in parquet.iter_batches(batch_size=_BATCH, columns=[*_KEYS, _COST]):
                table = pa.Table.from_batches([batch])
                table = table.set_column(
                    table.schema.get_field_index(_COST), _COST, pc.cast(table.column(_COST), _WIDE)
                )
                for row in table.group_by(list(_KEYS)).aggregate([(_COST, "sum")]).to_pylist():
                    key = ChargeKey(
                        row["ServiceName"],
                        row["SubAccountId"],
                        row["ChargeCategory"],
                        row["BillingCurrency"] or "",
                    )
                    sums[key] = exact_sum((sums.get(key, Decimal(0)), row[f"{_COST}_sum"] or Decimal(0)))
    return sums
