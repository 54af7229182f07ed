"""The use cases of a bill's history with their adapters, made at the first request."""

from functools import lru_cache

from services.cost_center.adapters.bill_store import BillStore
from services.cost_center.adapters.change_documents import ChangeDocuments
from services.cost_center.adapters.settings import HistorySettings
from services.cost_center.application.history import ReadHistory
from shared.clock import SystemClock
from shared.config import load_settings
from shared.outbox import Outbox
from shared.table import PageKeys, TenantTable


@lru_cache(maxsize=1)
def history_services() -> ReadHistory:
    settings = load_settings(HistorySettings)
    store = BillStore(
        TenantTable(settings.bill_table, page_keys=PageKeys.from_secret(settings.page_token_secret_arn)),
        TenantTable(settings.reconciliation_table),
        Outbox(settings.outbox_table),
        SystemClock(),
    )
    return ReadHistory(store, ChangeDocuments(settings.lake_bucket))
