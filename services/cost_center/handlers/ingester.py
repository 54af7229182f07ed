"""The bill ingester: a Fargate task on the landing queue.

Each message is EventBridge's `Object Created` event of the landing bucket. Run as
`python -m services.cost_center.handlers.ingester`; SIGTERM lets the bill in hand finish.
"""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path

from services.cost_center.adapters.bill_store import BillStore
from services.cost_center.adapters.change_reports import ChangeReports
from services.cost_center.adapters.delivered_file import LocalFiles
from services.cost_center.adapters.delivery_rows import TableDeliveryRows
from services.cost_center.adapters.export_settings import JobsSettings
from services.cost_center.adapters.glue_database import GlueDatabases
from services.cost_center.adapters.iceberg_lake import IcebergLake
from services.cost_center.adapters.landing_s3 import S3Landing
from services.cost_center.adapters.plain_reader import PlainReader
from services.cost_center.adapters.polars_converter import PolarsConverter
from services.cost_center.adapters.settings import IngesterSettings
from services.cost_center.adapters.tag_settings import ReadTagSettings
from services.cost_center.adapters.task_protection import protected
from services.cost_center.adapters.trouble_rows import TroubleRows
from services.cost_center.application.attempts import Attempts
from services.cost_center.application.ingest import Ingest
from services.cost_center.application.prepare import Prepare
from services.cost_center.domain.lake_names import database_name
from services.cost_center.domain.landing import parse_key
from services.cost_center.domain.limits import Limits
from services.cost_center.handlers import jobs
from services.cost_center.handlers.object_created import object_created
from services.cost_center.handlers.pollers import run_together
from shared.clock import SystemClock
from shared.config import load_settings
from shared.consumer import Message, Poller, stop_on_signals
from shared.errors import PoisonMessage
from shared.failpoints import Failpoints
from shared.ids import UuidIds
from shared.inbox import Inbox
from shared.observability import bind_context, logger
from shared.outbox import Outbox
from shared.table import TenantTable
from shared.tenancy import TenantId
from shared.tenant_credentials import Reach, TenantCredentials

NAME = "ingester"
_BEATS_OF_SILENCE = 3
"""After so many heartbeats that did not come, the queue gives the message to another: so does the record."""


def build(settings: IngesterSettings) -> Ingest:
    """The use case with its adapters."""
    clock = SystemClock()
    credentials = TenantCredentials(
        settings.tenant_role_arn,
        Reach(
            buckets=(settings.landing_bucket, settings.lake_bucket),
            database=partial(database_name, settings.glue_database_prefix),
        ),
        clock,
    )
    databases = GlueDatabases(
        settings.glue_database_prefix, settings.lake_bucket, partial(credentials.client, "glue")
    )
    return Ingest(
        landing=S3Landing(settings.landing_bucket, clock, reader=partial(credentials.client, "s3")),
        prepare=Prepare(
            files=LocalFiles(limits(settings)), converter=PolarsConverter(), totals=PlainReader()
        ),
        lake=IcebergLake(settings.lake_bucket, databases, credentials),
        changes=ChangeReports(settings.lake_bucket, credentials),
        bills=BillStore(
            TenantTable(settings.bill_table),
            TenantTable(settings.reconciliation_table),
            Outbox(settings.outbox_table),
            clock,
        ),
        rows=TableDeliveryRows(TenantTable(settings.bill_table)),
        clock=clock,
        ids=UuidIds(),
        tags=ReadTagSettings(TenantTable(settings.setting_table)),
        workspace=workspace,
        failpoint=Failpoints("ingest"),
    )


def limits(settings: IngesterSettings) -> Limits:
    return Limits(unpacked_bytes=settings.unpacked_bytes_limit, ratio=settings.unpack_ratio_limit)


@contextmanager
def workspace() -> Iterator[Path]:
    """A scratch folder on the task's own disk, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="onyx-ingest-") as folder:
        yield Path(folder)


def on_record(ingest: Ingest, settings: IngesterSettings) -> Attempts:
    """The use case with its attempts kept where the API finds them."""
    return Attempts(
        ingest,
        TroubleRows(TenantTable(settings.bill_table)),
        ingest.clock,
        receives=settings.landing_receives,
        silence=timedelta(seconds=settings.heartbeat_seconds * _BEATS_OF_SILENCE),
    )


def handle(attempts: Attempts, bucket: str) -> Callable[[Message], None]:
    """What the poller calls for each message."""

    def on_message(message: Message) -> None:
        landed = object_created(message.json(), bucket)
        bind_context(tenant=tenant_of(message), correlation_id=landed.delivery_id)
        for outcome in attempts(landed, message.message_id, message.receive_count):
            logger.info("bill settled", bill=outcome.bill_id, status=outcome.status.value, rows=outcome.rows)

    return on_message


def tenant_of(message: Message) -> TenantId | None:
    """The tenant whose prefix the object lies under, where the message tells it."""
    try:
        return parse_key(object_created(message.json()).key).tenant
    except PoisonMessage:
        return None


def main() -> None:
    """Deliveries, and the data plane's jobs beside them."""
    stop = stop_on_signals()
    run_together([poller(load_settings(IngesterSettings)), jobs.poller(load_settings(JobsSettings))], stop)


def poller(settings: IngesterSettings) -> Poller:
    attempts = on_record(build(settings), settings)
    return Poller(
        settings.landing_queue_url,
        handle(attempts, settings.landing_bucket),
        heartbeat_seconds=settings.heartbeat_seconds,
        name=NAME,
        inbox=Inbox(settings.inbox_table),
        tenant_of=tenant_of,
        guard=protected,
        on_beat=lambda message: attempts.beat(message.message_id),
        receives=settings.landing_receives,
    )


if __name__ == "__main__":
    main()
