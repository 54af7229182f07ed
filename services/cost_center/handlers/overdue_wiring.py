"""What is overdue, with its adapters, made at the first request."""

from functools import lru_cache

from services.cost_center.adapters.overdue_store import OverdueList
from services.cost_center.adapters.settings import ApiSettings
from services.cost_center.application.sweep_overdue import ReadOverdue
from shared.config import load_settings
from shared.table import TenantTable


@lru_cache(maxsize=1)
def overdue_services() -> ReadOverdue:
    return ReadOverdue(OverdueList(TenantTable(load_settings(ApiSettings).bill_table)))
