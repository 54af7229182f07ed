"""A manifest was over because a newer one took its place. Where that one is refused, it is in force again."""

from contextlib import suppress
from dataclasses import replace

from services.cost_center.domain.bill import Delivery
from services.cost_center.domain.gathering import DeliveryRows, superseded
from services.cost_center.domain.ports import Landing
from shared.errors import Conflict
from shared.tenancy import TenantId


def reopened(landing: Landing, rows: DeliveryRows, tenant: TenantId, delivery: Delivery) -> Delivery:
    """The delivery, open again if it was over without a bill and lies at its key now."""
    if not superseded(delivery):
        return delivery
    there = landing.look(delivery.bucket, delivery.key)
    if there is None or there.object.delivery_id != delivery.delivery_id:
        return delivery
    again = replace(delivery, done=False, closed=False)
    with suppress(Conflict):  # another has opened it
        return rows.save_delivery(tenant, again)
    return again
