"""On a schedule: published sets beyond the retention are let go of, and files that no set names removed."""

from datetime import timedelta
from typing import Any

from services.cost_center.adapters.bucket_lists import S3LakeFiles
from services.cost_center.adapters.settings import OrphanSweepSettings
from services.cost_center.adapters.sweep_store import SweepStore
from services.cost_center.application.expire_sets import ExpireSets
from services.cost_center.application.sweep_orphans import SWEEP, SweepOrphans
from services.cost_center.handlers.sweeping import sweep_all, time_is_up
from shared.clock import SystemClock
from shared.config import load_settings
from shared.ids import UuidIds
from shared.outbox import Outbox
from shared.sweeps import ORPHANS_METRIC
from shared.table import TenantTable
from shared.tenancy import TenantId
from shared.tenant_list import TenantList


def handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    """A scheduled event (its content does not matter) -> {"tenants", "healed", "failed"}."""
    settings = load_settings(OrphanSweepSettings)
    over = time_is_up(context)
    rows = SweepStore(TenantTable(settings.bill_table), Outbox(settings.outbox_table))
    orphans = SweepOrphans(
        lake=S3LakeFiles(settings.lake_bucket),
        rows=rows,
        bucket=settings.lake_bucket,
        clock=SystemClock(),
        ids=UuidIds(),
        pages=settings.orphan_pages_per_tenant,
        safe_age=timedelta(hours=settings.orphan_safe_hours),
        time_is_up=over,
    )
    expire = ExpireSets(rows, SystemClock(), over)

    def sweep(tenant: TenantId) -> int:
        removed = orphans(tenant)
        # After the files: those of a set that is let go of now stay until the next run.
        expire(tenant)
        return removed

    return sweep_all(SWEEP, ORPHANS_METRIC, TenantList(settings.bill_table), sweep, over)
