"""Jobs of the data plane: what needs Polars or pyiceberg and is no delivery, asked for by an event.

They run in the ingester's task, in a thread of their own. A job is one line in `jobs`.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from services.cost_center.adapters.export_settings import JobsSettings
from services.cost_center.adapters.export_store import ExportStore
from services.cost_center.adapters.glue_database import GlueDatabases
from services.cost_center.adapters.iceberg_lake import IcebergLake
from services.cost_center.adapters.iceberg_maintenance import IcebergMaintenance
from services.cost_center.adapters.polars_export import PolarsExport
from services.cost_center.adapters.results_s3 import ExportFilesS3
from services.cost_center.adapters.sweep_store import SweepStore
from services.cost_center.adapters.task_protection import protected
from services.cost_center.application.maintain_lake import MaintainLake
from services.cost_center.application.run_export import RunExport
from services.cost_center.domain.lake_names import database_name
from services.cost_center.events import ExportRequested, LakeMaintenanceDue
from shared.clock import SystemClock
from shared.consumer import Consumer, Poller
from shared.events import Envelope, Event
from shared.failpoints import Failpoints
from shared.inbox import Inbox
from shared.observability import logger
from shared.outbox import Outbox
from shared.table import TenantTable
from shared.tenant_credentials import Reach, TenantCredentials

NAME = "jobs"
Job = Callable[[Envelope, Any], None]


def jobs(settings: JobsSettings) -> Mapping[type[Event], Job]:
    """What is done at which event."""
    return {
        ExportRequested: partial(run_export, export(settings)),
        LakeMaintenanceDue: partial(maintain, maintenance(settings)),
    }


def run_export(use_case: RunExport, env: Envelope, event: ExportRequested) -> None:
    done = use_case(env.tenant, event)
    logger.info("export settled", export=done.export_id, status=done.status.value, rows=done.rows)


def maintain(use_case: MaintainLake, env: Envelope, event: LakeMaintenanceDue) -> None:
    use_case(env.tenant)


def maintenance(settings: JobsSettings) -> MaintainLake:
    """The use case with its adapters."""
    clock = SystemClock()
    database = partial(database_name, settings.glue_database_prefix)
    reach = Reach(buckets=(settings.lake_bucket,), database=database)
    credentials = TenantCredentials(settings.tenant_role_arn, reach, clock)
    databases = GlueDatabases(
        settings.glue_database_prefix, settings.lake_bucket, partial(credentials.client, "glue")
    )
    lake = IcebergLake(settings.lake_bucket, databases, credentials)
    rows = SweepStore(TenantTable(settings.bill_table), Outbox(settings.outbox_table))
    return MaintainLake(rows, IcebergMaintenance(lake.catalog), clock)


def export(settings: JobsSettings) -> RunExport:
    """The use case with its adapters."""
    clock = SystemClock()
    reach = Reach(buckets=(settings.lake_bucket, settings.results_bucket))
    credentials = TenantCredentials(settings.tenant_role_arn, reach, clock)
    return RunExport(
        exports=ExportStore(TenantTable(settings.export_table), Outbox(settings.outbox_table)),
        files=ExportFilesS3(settings.lake_bucket, settings.results_bucket, partial(credentials.client, "s3")),
        writer=PolarsExport(),
        clock=clock,
        workspace=workspace,
        failpoint=Failpoints("export"),
    )


@contextmanager
def workspace() -> Iterator[Path]:
    """A scratch folder on the task's own disk, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="onyx-job-") as folder:
        yield Path(folder)


def consumer(settings: JobsSettings) -> Consumer:
    """Each job is idempotent by its own row and names: a dead task's job is taken over at once."""
    known = jobs(settings)

    def handle(env: Envelope, event: Event) -> None:
        known[type(event)](env, event)

    return Consumer(NAME, list(known), handle, Inbox(settings.inbox_table), claims=False)


def poller(settings: JobsSettings) -> Poller:
    handles = consumer(settings)
    return Poller(
        settings.jobs_queue_url,
        handles.consume,
        heartbeat_seconds=settings.heartbeat_seconds,
        name=NAME,
        inbox=Inbox(settings.inbox_table),
        tenant_of=handles.tenant_of,
        guard=protected,
        receives=settings.jobs_receives,
    )
