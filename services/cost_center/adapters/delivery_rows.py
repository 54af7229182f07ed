"""Deliveries that wait and manifests that are over, in the bill table.

`DELIVERY#<delivery id>` is the delivery's own row (see `bill_store`); `WAITING#<delivery id>` is there beside
it while it waits, so that what waits is found without reading what does not. `MANIFEST#<source>#<sha256>`
finds the delivery of a manifest of these bytes, of which AWS writes two copies.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from services.cost_center.adapters import bill_items as items
from services.cost_center.domain.bill import Delivery
from services.cost_center.domain.gathering import ManifestNote, WaitingPage
from shared.clock import iso
from shared.errors import Conflict
from shared.table import TenantTable
from shared.tenancy import TenantId

WAITING_PREFIX = "WAITING#"


class TableDeliveryRows:
    """One environment's deliveries."""

    def __init__(self, bills: TenantTable) -> None:
        self._bills = bills

    def save_delivery(self, tenant: TenantId, delivery: Delivery) -> Delivery:
        """Raises Conflict when somebody else wrote. What the index says too much is left out by `waiting`."""
        index = WAITING_PREFIX + delivery.delivery_id
        if delivery.waiting is not None:
            with suppress(Conflict):
                row = {"delivery_id": delivery.delivery_id, "key": delivery.key}
                self._bills.put_new(tenant, index, row)
        key = items.DELIVERY_PREFIX + delivery.delivery_id
        item = items.delivery_item(delivery)
        version = self._bills.put(tenant, key, item, expected_version=delivery.version)
        if delivery.done:
            self._bills.delete(tenant, index)
        return items.delivery_of({**item, "version": version})

    def waiting(self, tenant: TenantId, *, limit: int, cursor: str | None) -> WaitingPage:
        page = self._bills.query(tenant, prefix=WAITING_PREFIX, limit=limit, cursor=cursor)
        return WaitingPage(self._still(tenant, [each["delivery_id"] for each in page.items]), page.cursor)

    def waiting_under(self, tenant: TenantId, prefix: str) -> list[Delivery]:
        rows = self._bills.query_all(tenant, prefix=WAITING_PREFIX)
        return self._still(tenant, [each["delivery_id"] for each in rows if each["key"].startswith(prefix)])

    def _still(self, tenant: TenantId, ids: Sequence[str]) -> list[Delivery]:
        rows = [self._bills.get(tenant, items.DELIVERY_PREFIX + each) for each in ids]
        found = [items.delivery_of(row) for row in rows if row is not None]
        return [each for each in found if each.waiting and not each.done]

    def manifest_note(self, tenant: TenantId, source: str, digest: str) -> ManifestNote | None:
        item = self._bills.get(tenant, _manifest_key(source, digest))
        return None if item is None else ManifestNote(item["delivery_id"], datetime.fromisoformat(item["at"]))

    def note_manifest(self, tenant: TenantId, source: str, digest: str, note: ManifestNote) -> None:
        item = {"delivery_id": note.delivery_id, "at": iso(note.at)}
        self._bills.put_newer(tenant, _manifest_key(source, digest), item, by="at")


def _manifest_key(source: str, digest: str) -> str:
    return f"MANIFEST#{source}#{digest}"
