"""TenantCreated -> the tenant's Glue database, so that it can be queried and granted before its first
bill, and the tenant's place in the list that the sweeps go by."""

from functools import lru_cache
from typing import Any

from services.cost_center.adapters.glue_database import GlueDatabases
from services.cost_center.adapters.settings import TenantSettings
from services.identity.events import TenantCreated
from shared.config import load_settings
from shared.consumer import Consumer
from shared.events import Envelope, Event
from shared.inbox import Inbox
from shared.tenant_list import TenantList


@lru_cache(maxsize=1)
def consumer() -> Consumer:
    settings = load_settings(TenantSettings)
    tenants = TenantList(settings.bill_table)
    databases = GlueDatabases(settings.glue_database_prefix, settings.lake_bucket)

    def on_tenant_created(env: Envelope, event: Event) -> None:
        databases.ensure(env.tenant)
        tenants.add(env.tenant)

    return Consumer("on_tenant_created", [TenantCreated], on_tenant_created, Inbox(settings.inbox_table))


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return consumer().process(event["Records"])
