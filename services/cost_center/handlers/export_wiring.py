"""The use cases of exports with their adapters, made at the first request."""

from dataclasses import dataclass
from functools import lru_cache

from services.cost_center.adapters.bill_store import BillStore
from services.cost_center.adapters.export_settings import ExportApiSettings
from services.cost_center.adapters.export_store import ExportStore
from services.cost_center.adapters.results_s3 import ResultLinks
from services.cost_center.application.exports import ReadExports, RequestExport
from shared.clock import SystemClock
from shared.config import load_settings
from shared.outbox import Outbox
from shared.table import PageKeys, TenantTable


@dataclass(frozen=True)
class ExportServices:
    ask: RequestExport
    read: ReadExports


@lru_cache(maxsize=1)
def export_services() -> ExportServices:
    settings = load_settings(ExportApiSettings)
    clock = SystemClock()
    page_keys = PageKeys.from_secret(settings.page_token_secret_arn)
    outbox = Outbox(settings.outbox_table)
    exports = ExportStore(TenantTable(settings.export_table, page_keys=page_keys), outbox)
    bills = BillStore(
        TenantTable(settings.bill_table, page_keys=page_keys),
        TenantTable(settings.reconciliation_table),
        outbox,
        clock,
    )
    return ExportServices(
        ask=RequestExport(exports, bills, clock),
        read=ReadExports(exports, ResultLinks(settings.results_bucket, clock), clock),
    )
