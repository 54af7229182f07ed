"""On a schedule: new deliveries are copied from the connected AWS accounts to the landing bucket."""

from typing import Any

from services.cost_center.adapters.connection_accounts import StsAccounts
from services.cost_center.adapters.connection_settings import PullSettings
from services.cost_center.adapters.connection_store import ConnectionStore
from services.cost_center.application.pull import SWEEP, PullBills
from services.cost_center.domain.connection import Connection
from services.cost_center.handlers.connection_wiring import random_text
from services.cost_center.handlers.sweeping import sweep_all
from shared.clock import SystemClock
from shared.config import load_settings
from shared.ids import UuidIds
from shared.outbox import Outbox
from shared.sweeps import measure
from shared.table import TenantTable
from shared.tenant_list import TenantList

METRIC = "BillFilesPulled"
FAILED_METRIC = "ConnectionPullsFailed"
_RESERVE_MILLIS = 30_000
"""Kept for the part of a file that is under way, and for writing down what was done."""


def handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    """A scheduled event (its content does not matter) -> {"tenants", "healed", "failed"}; `healed` counts
    the objects that were copied. A connection that fails is its tenant's matter, not the run's failure."""
    settings = load_settings(PullSettings)
    clock = SystemClock()

    def over() -> bool:
        left: int = context.get_remaining_time_in_millis()
        return left < _RESERVE_MILLIS

    failing: list[Connection] = []
    pull = PullBills(
        connections=ConnectionStore(
            TenantTable(settings.connection_table),
            Outbox(settings.outbox_table),
            clock,
            UuidIds(),
            random_text,
        ),
        accounts=StsAccounts(settings.landing_bucket),
        clock=clock,
        random_text=random_text,
        time_is_up=over,
        failed=failing.append,
    )
    try:
        return sweep_all(SWEEP, METRIC, TenantList(settings.bill_table), pull, over)
    finally:
        measure(FAILED_METRIC, len(failing))
