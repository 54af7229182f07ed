"""On a schedule: deliveries that no bill row accounts for are announced again to the ingester."""

from datetime import timedelta
from typing import Any

from services.cost_center.adapters.bucket_lists import S3LandedVersions, SqsLandingQueue
from services.cost_center.adapters.settings import LandingSweepSettings
from services.cost_center.adapters.sweep_store import SweepStore
from services.cost_center.application.sweep_landing import SWEEP, SweepLanding
from services.cost_center.handlers.sweeping import sweep_all, time_is_up
from shared.clock import SystemClock
from shared.config import load_settings
from shared.ids import UuidIds
from shared.outbox import Outbox
from shared.sweeps import LANDING_METRIC
from shared.table import TenantTable
from shared.tenant_list import TenantList


def handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    """A scheduled event (its content does not matter) -> {"tenants", "healed", "failed"}."""
    settings = load_settings(LandingSweepSettings)
    over = time_is_up(context)
    sweep = SweepLanding(
        landed=S3LandedVersions(settings.landing_bucket),
        queue=SqsLandingQueue(settings.landing_queue_url),
        rows=SweepStore(TenantTable(settings.bill_table), Outbox(settings.outbox_table)),
        clock=SystemClock(),
        ids=UuidIds(),
        pages=settings.sweep_pages_per_tenant,
        grace=timedelta(minutes=settings.sweep_grace_minutes),
        time_is_up=over,
    )
    return sweep_all(SWEEP, LANDING_METRIC, TenantList(settings.bill_table), sweep, over)
