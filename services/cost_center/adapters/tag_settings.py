"""Promoted tags in DynamoDB: one row per tenant, `TAGS`."""

from services.cost_center.domain.promoted_tags import PromotedTag, TagSettings
from services.cost_center.events import TagsPromoted
from shared.clock import Clock
from shared.events import envelope
from shared.ids import Ids
from shared.observability import logger
from shared.outbox import Outbox
from shared.table import TenantTable, transact
from shared.tenancy import TenantId

_ROW = "TAGS"


class ReadTagSettings:
    """Each tenant's choice."""

    def __init__(self, table: TenantTable) -> None:
        self._table = table

    def settings(self, tenant: TenantId) -> TagSettings:
        item = self._table.get(tenant, _ROW)
        if item is None:
            return TagSettings()
        return TagSettings(tuple(PromotedTag(key) for key in item["promoted"]), int(item["version"]))


class TagSettingsStore(ReadTagSettings):
    """And what changes it."""

    def __init__(self, table: TenantTable, outbox: Outbox, clock: Clock, ids: Ids) -> None:
        super().__init__(table)
        self._outbox = outbox
        self._clock = clock
        self._ids = ids

    def save(self, tenant: TenantId, settings: TagSettings, event: TagsPromoted) -> None:
        row = {"promoted": [tag.key for tag in settings.promoted]}
        write = self._table.tx_put(tenant, _ROW, row, expected_version=settings.version)
        told = envelope(event, tenant=tenant, id=self._ids.new(), time=self._clock.now())
        transact(self._table.client, [write, self._outbox.item(told)])
        # The event is the record; the line is for whoever reads logs.
        logger.info("audit", extra={"act": event.detail_type(), "event_id": told.id, "facts": told.data})
