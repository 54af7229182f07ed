"""The use cases of promoted tags with their adapters, made at the first request."""

from functools import lru_cache

from services.cost_center.adapters.settings import TagApiSettings
from services.cost_center.adapters.tag_settings import TagSettingsStore
from services.cost_center.application.promoted_tags import ManagePromotedTags
from shared.clock import SystemClock
from shared.config import load_settings
from shared.ids import UuidIds
from shared.outbox import Outbox
from shared.table import TenantTable


@lru_cache(maxsize=1)
def tag_services() -> ManagePromotedTags:
    settings = load_settings(TagApiSettings)
    store = TagSettingsStore(
        TenantTable(settings.setting_table), Outbox(settings.outbox_table), SystemClock(), UuidIds()
    )
    return ManagePromotedTags(store)
