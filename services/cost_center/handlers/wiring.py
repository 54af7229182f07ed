"""The HTTP function's use cases with their adapters, made at the first request."""

from dataclasses import dataclass
from functools import lru_cache

from services.cost_center.adapters.bill_store import BillStore
from services.cost_center.adapters.delivery_rows import TableDeliveryRows
from services.cost_center.adapters.landing_s3 import S3Landing
from services.cost_center.adapters.query_http import HttpQueryEngine
from services.cost_center.adapters.settings import ApiSettings
from services.cost_center.adapters.trouble_rows import TroubleRows
from services.cost_center.application.bills import ReadBills
from services.cost_center.application.costs import Costs
from services.cost_center.application.deliveries import ReadDeliveries
from services.cost_center.application.uploads import StartUpload
from shared.clock import SystemClock
from shared.config import load_settings
from shared.ids import UuidIds
from shared.outbox import Outbox
from shared.table import PageKeys, TenantTable


@dataclass(frozen=True)
class ApiServices:
    uploads: StartUpload
    bills: ReadBills
    deliveries: ReadDeliveries
    costs: Costs


@lru_cache(maxsize=1)
def api_services() -> ApiServices:
    settings = load_settings(ApiSettings)
    clock = SystemClock()
    table = TenantTable(settings.bill_table, page_keys=PageKeys.from_secret(settings.page_token_secret_arn))
    store = BillStore(
        table,
        TenantTable(settings.reconciliation_table),
        Outbox(settings.outbox_table),
        clock,
    )
    return ApiServices(
        uploads=StartUpload(S3Landing(settings.landing_bucket, clock), UuidIds()),
        bills=ReadBills(store),
        deliveries=ReadDeliveries(store, TroubleRows(table), TableDeliveryRows(table), clock),
        costs=Costs(HttpQueryEngine(settings.query_url)),
    )
