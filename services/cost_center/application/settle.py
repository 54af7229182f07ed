"""Deciding one bill of one delivery while others may write the same rows."""

from collections.abc import Callable
from typing import Protocol

from services.cost_center.domain.bill import Bill, Delivery, Outcome
from services.cost_center.domain.gathering import DeliveryRows
from services.cost_center.domain.ports import Bills
from shared.errors import Conflict, NotFound, Unavailable
from shared.tenancy import TenantId

ATTEMPTS = 8


Change = Callable[[Delivery], Delivery]


class Step(Protocol):
    """Decides and records the outcome of one bill, given what is stored. Raises Conflict when that
    changed."""

    def __call__(self, delivery: Delivery, stored: Bill | None) -> Outcome: ...


def settle(bills: Bills, tenant: TenantId, delivery_id: str, bill_id: str, step: Step) -> Outcome:
    """The bill's outcome: the recorded one, or what `step` records on rows that nobody else changed
    meanwhile.

    Raises Unavailable after too many lost races: the message is tried again later.
    """
    for _ in range(ATTEMPTS):
        delivery = bills.delivery(tenant, delivery_id)
        if delivery is None:
            raise NotFound(f"delivery {delivery_id} is gone")
        recorded = delivery.outcomes.get(bill_id)
        if recorded is not None:
            return recorded
        try:
            return step(delivery, bills.bill(tenant, bill_id))
        except Conflict:
            continue
    raise Unavailable(f"bill {bill_id} is being changed by others all the time")


def saved(bills: Bills, rows: DeliveryRows, tenant: TenantId, delivery_id: str, change: Change) -> Delivery:
    """The delivery's row as changed, unless it is done meanwhile. Raises Unavailable as `settle` does."""
    for _ in range(ATTEMPTS):
        stored = bills.delivery(tenant, delivery_id)
        if stored is None:
            raise NotFound(f"delivery {delivery_id} is gone")
        if stored.done:
            return stored
        try:
            return rows.save_delivery(tenant, change(stored))
        except Conflict:
            continue
    raise Unavailable(f"delivery {delivery_id} is being changed by others all the time")
