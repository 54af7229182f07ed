"""The lake: Iceberg tables in the Glue catalog, committed with pyiceberg."""

import os
import random
import threading
import time
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from boto3.exceptions import S3UploadFailedError
from pyiceberg.catalog.glue import GlueCatalog
from pyiceberg.exceptions import (
    CommitFailedException,
    NoSuchTableError,
    TableAlreadyExistsError,
    ValidationException,
)
from pyiceberg.expressions import And, EqualTo
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import Table
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import DecimalType, IcebergType, MapType, NestedField, StringType, TimestampType

from services.cost_center.adapters.glue_database import GlueDatabases
from services.cost_center.domain.lake_names import data_key, table_prefix
from services.cost_center.domain.tables import PARTITIONED_BY, ColumnSpec, ColumnType, StagedTable
from services.cost_center.events import Column, PublishedTable
from shared.errors import Unavailable
from shared.observability import logger
from shared.tenancy import TenantId
from shared.tenant_credentials import Keys, TenantCredentials

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ATTEMPTS = 12
_LONGEST_WAIT = 8.0
_RANDOM = random.SystemRandom()

_PROPERTIES = {
    "format-version": "2",
    # One retry loop, and it is ours: it re-reads the table and plans the replacement anew.
    "commit.retry.num-retries": "0",
    # Published sets name snapshots: expiry is Onyx's own decision.
    "write.metadata.delete-after-commit.enabled": "false",
}


class IcebergLake:
    """One environment's lake. Each tenant has a database and a prefix of its own."""

    def __init__(
        self,
        bucket: str,
        databases: GlueDatabases,
        credentials: TenantCredentials,
        sleep: Callable[[float], None] = time.sleep,
        uniform: Callable[[float, float], float] = _RANDOM.uniform,
    ) -> None:
        self._bucket = bucket
        self._databases = databases
        self._credentials = credentials
        self._sleep = sleep
        self._uniform = uniform
        self._local = threading.local()

    def ensure_database(self, tenant: TenantId) -> str:
        return self._databases.ensure(tenant)

    def upload(self, tenant: TenantId, staged: StagedTable, delivery_id: str, attempt: str) -> list[str]:
        """Put staged files where the table's data lies; returns their URIs. Raises Unavailable."""
        uris = []
        for number, path in enumerate(staged.paths):
            s3: S3Client = self._credentials.client("s3", tenant)
            key = data_key(tenant, staged.tier, staged.table, delivery_id, attempt, number)
            try:
                s3.upload_file(str(path), self._bucket, key)
            except S3UploadFailedError as error:
                # Neither ClientError nor BotoCoreError: what a put that stays throttled ends as.
                raise Unavailable(f"a file of {staged.table} cannot be put in the lake: {error}") from error
            uris.append(f"s3://{self._bucket}/{key}")
        return uris

    def replace(
        self,
        tenant: TenantId,
        staged: StagedTable,
        files: Sequence[str],
        *,
        source: str,
        bill_id: str,
        delivery_id: str,
    ) -> PublishedTable:
        """Make `files` the rows of this bill, in one commit. Raises Unavailable after too many lost races."""
        database = self._databases.ensure(tenant)
        for attempt in range(ATTEMPTS):
            try:
                table = self._table(tenant, database, staged)
                snapshot_id = _commit(table, staged, files, source, bill_id, delivery_id)
            except (CommitFailedException, ValidationException) as lost:
                wait = self._uniform(0.0, longest_wait(attempt))
                logger.info(
                    "lake commit lost a race", table=staged.table, attempt=attempt, reason=str(lost)[:300]
                )
                self._sleep(wait)
                continue
            return PublishedTable(
                database=database,
                table=staged.table,
                snapshot_id=snapshot_id,
                files=list(files),
                rows=staged.rows,
                columns=[Column(name=column.name, type=column.type.value) for column in staged.columns],
            )
        raise Unavailable(f"{database}.{staged.table} is too busy: {ATTEMPTS} commits were refused")

    def _table(self, tenant: TenantId, database: str, staged: StagedTable) -> Table:
        """The table with all of the staged columns."""
        catalog = self.catalog(tenant)
        identifier = (database, staged.table)
        try:
            table = catalog.load_table(identifier)
        except NoSuchTableError:
            try:
                return _create(catalog, self._bucket, tenant, identifier, staged)
            except TableAlreadyExistsError:
                table = catalog.load_table(identifier)
        _add_columns(table, staged.columns)
        return table

    def catalog(self, tenant: TenantId) -> GlueCatalog:
        """The catalog as this tenant's credentials see it: the last one used is kept, per thread."""
        keys = self._credentials.keys(tenant)
        held: tuple[Keys, GlueCatalog] | None = getattr(self._local, "catalog", None)
        if held and held[0] == keys:
            return held[1]
        client = self._databases.client(tenant)
        # The stubs know only handlers that return nothing; this event's handlers answer.
        events: Any = client.meta.events
        events.register_first("needs-retry.glue.UpdateTable", _asked_once, unique_id="onyx-asked-once")
        catalog = GlueCatalog("onyx", client=client, **file_io_properties(keys))
        self._local.catalog = (keys, catalog)
        return catalog


def longest_wait(attempt: int) -> float:
    """Seconds to wait at most after that lost race (from 0 on): a random part of it, so that writers part."""
    return float(min(_LONGEST_WAIT, 0.1 * 2**attempt))


def _asked_once(response: Any, caught_exception: Exception | None, **_: Any) -> bool | None:
    """botocore's question whether to ask again: not where the commit may have landed.

    The second asking would meet the first one's version, which pyiceberg takes for another writer's commit:
    it would remove the files of a commit that stands, and the table could not be read any more. Unanswered,
    the error is the caller's, nothing is removed, and the next try begins with what is there.
    """
    unknown = caught_exception is not None or response[0].status_code >= 500
    return False if unknown else None


def file_io_properties(keys: Keys) -> dict[str, str]:
    """What pyiceberg's file access needs: a tenant's credentials, and the standard variables of the
    environment."""
    properties = {
        "py-io-impl": "services.cost_center.adapters.lake_files.LakeFiles",
        "s3.access-key-id": keys.access_key,
        "s3.secret-access-key": keys.secret_key,
        "s3.session-token": keys.token,
    }
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    if region:
        properties["s3.region"] = region
    if endpoint:
        properties["s3.endpoint"] = endpoint
    return properties


def _create(
    catalog: GlueCatalog, bucket: str, tenant: TenantId, identifier: tuple[str, str], staged: StagedTable
) -> Table:
    schema = Schema(
        *(
            NestedField(
                at, column.name, _iceberg_type(column.type, len(staged.columns) + 2 * at), required=False
            )
            for at, column in enumerate(staged.columns, start=1)
        )
    )
    names = PARTITIONED_BY[staged.tier]
    spec = PartitionSpec(
        *(
            PartitionField(schema.find_field(name).field_id, 1000 + at, IdentityTransform(), name)
            for at, name in enumerate(names)
        )
    )
    return catalog.create_table(
        identifier,
        schema,
        location=f"s3://{bucket}/{table_prefix(tenant, staged.tier, staged.table)}",
        partition_spec=spec,
        properties=_PROPERTIES,
    )


def _iceberg_type(kind: ColumnType, nested_id: int) -> IcebergType:
    match kind:
        case ColumnType.STRING:
            return StringType()
        case ColumnType.DECIMAL:
            return DecimalType(38, 18)
        case ColumnType.TIMESTAMP:
            return TimestampType()
        case ColumnType.MAP:
            return MapType(nested_id, StringType(), nested_id + 1, StringType(), value_required=False)


def _add_columns(table: Table, columns: Sequence[ColumnSpec]) -> None:
    known = set(table.schema().column_names)
    missing = [column for column in columns if column.name not in known]
    if missing:
        with table.update_schema() as update:
            for column in missing:
                update.add_column((column.name,), _iceberg_type(column.type, 0))


def _commit(
    table: Table, staged: StagedTable, files: Sequence[str], source: str, bill_id: str, delivery_id: str
) -> int:
    source_column, period_column = PARTITIONED_BY[staged.tier]
    # pyiceberg's expressions are pydantic models with an __init__ of their own, which mypy reads two ways.
    equal: Any = EqualTo
    bill_rows = And(equal(source_column, source), equal(period_column, staged.billing_period))
    summary = {"onyx.bill": bill_id, "onyx.delivery": delivery_id}
    with warnings.catch_warnings():
        # A first delivery deletes nothing, of which pyiceberg warns.
        warnings.filterwarnings("ignore", message="Delete operation did not match any records")
        with table.transaction() as transaction:
            transaction.delete(bill_rows, snapshot_properties=summary)
            # Files of this delivery that an earlier try committed were just deleted, so they are no
            # duplicates.
            transaction.add_files(list(files), snapshot_properties=summary, check_duplicate_files=False)
            snapshot = transaction.table_metadata.current_snapshot_id
    if snapshot is None:
        raise CommitFailedException("the commit made no snapshot")
    return int(snapshot)
