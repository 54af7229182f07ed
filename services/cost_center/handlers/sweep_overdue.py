"""On a schedule: bills that should have come by now, and have not, are told of once."""

from datetime import timedelta
from typing import Any

from services.cost_center.adapters.overdue_store import OverdueStore
from services.cost_center.adapters.settings import OverdueSettings
from services.cost_center.application.sweep_overdue import SWEEP, SweepOverdue
from services.cost_center.domain.overdue import Rules
from services.cost_center.handlers.sweeping import sweep_all, time_is_up
from shared.clock import SystemClock
from shared.config import load_settings
from shared.ids import UuidIds
from shared.outbox import Outbox
from shared.table import TenantTable
from shared.tenant_list import TenantList

METRIC = "BillsOverdue"


def handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    """A scheduled event (its content does not matter) -> {"tenants", "healed", "failed"}; `healed` counts
    the bills that were found overdue and were not before."""
    settings = load_settings(OverdueSettings)
    over = time_is_up(context)
    sweep = SweepOverdue(
        rows=OverdueStore(
            TenantTable(settings.bill_table),
            TenantTable(settings.connection_table),
            Outbox(settings.outbox_table),
        ),
        rules=Rules(
            open_month=timedelta(hours=settings.overdue_open_month_hours),
            closed_day=settings.overdue_closed_month_day,
            waiting=timedelta(hours=settings.overdue_waiting_hours),
        ),
        clock=SystemClock(),
        ids=UuidIds(),
        time_is_up=over,
    )
    return sweep_all(SWEEP, METRIC, TenantList(settings.bill_table), sweep, over)
