"""Bills in DynamoDB: the bill table, the reconciliation table and the outbox.

Bill table rows: `BILL#<bill id>`, `DELIVERY#<delivery id>`, `SET#<bill id>#<published at>` (every set that
was ever published) and `PRIMARY#<period>` (one row, so that a bill of any number of billing accounts is let
in by one write). Reconciliation rows: `BILL#<bill id>#<attempt>#<number>`.
"""

from collections.abc import Sequence
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING

from services.cost_center.adapters import bill_items as items
from services.cost_center.domain.bill import Bill, Delivery, Primaries, PublishedSet
from services.cost_center.domain.history import HistoricSet, HistoryPage
from services.cost_center.domain.ports import BillPage
from services.cost_center.domain.reconciliation import Reconciliation
from services.cost_center.events import BILL_PREFIX, SET_PREFIX, BillIngested, BillRejected, BillRestated
from shared.clock import Clock, iso
from shared.errors import Conflict, Unavailable
from shared.events import envelope
from shared.ids import deterministic_id
from shared.outbox import Outbox
from shared.table import TenantTable, transact
from shared.tenancy import TenantId

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

_CHUNK = 100


class BillStore:
    """One environment's bills."""

    def __init__(
        self, bills: TenantTable, reconciliations: TenantTable, outbox: Outbox, clock: Clock
    ) -> None:
        self._bills = bills
        self._reconciliations = reconciliations
        self._outbox = outbox
        self._clock = clock

    def bill(self, tenant: TenantId, bill_id: str) -> Bill | None:
        item = self._bills.get(tenant, BILL_PREFIX + bill_id)
        return None if item is None else items.bill_of(item)

    def bills(self, tenant: TenantId, *, limit: int, cursor: str | None) -> BillPage:
        page = self._bills.query(tenant, prefix=BILL_PREFIX, limit=limit, cursor=cursor)
        return BillPage([items.bill_of(item) for item in page.items], page.cursor)

    def delivery(self, tenant: TenantId, delivery_id: str) -> Delivery | None:
        item = self._bills.get(tenant, _delivery_key(delivery_id))
        return None if item is None else items.delivery_of(item)

    def open_delivery(self, tenant: TenantId, delivery: Delivery) -> Delivery:
        """Store the delivery unless it is there; returns what is stored."""
        stored = self.delivery(tenant, delivery.delivery_id)
        if stored is None:
            # Where another worker stored the same delivery meanwhile, what it stored is read below.
            with suppress(Conflict):
                self._bills.put_new(
                    tenant, _delivery_key(delivery.delivery_id), items.delivery_item(delivery)
                )
            stored = self.delivery(tenant, delivery.delivery_id)
        if stored is None:
            raise Unavailable(f"delivery {delivery.delivery_id} was stored and cannot be read")
        return stored

    def primaries(self, tenant: TenantId, billing_period: str) -> Primaries:
        item = self._bills.get(tenant, _primaries_key(billing_period))
        if item is None:
            return Primaries(billing_period)
        return Primaries(billing_period, dict(item["sources"]), item["version"])

    def save_reconciliation(
        self, tenant: TenantId, bill_id: str, attempt: str, groups: Sequence[Reconciliation]
    ) -> None:
        """Keep the groups of a set before it is published: there may be more than one transaction holds."""
        prefix = _groups_prefix(bill_id, attempt)
        writes = (
            self._reconciliations.tx_put(tenant, f"{prefix}{number:06d}", items.group_item(group))
            for number, group in enumerate(groups)
        )
        while chunk := list(islice(writes, _CHUNK)):
            transact(self._reconciliations.client, chunk)

    def reconciliation(self, tenant: TenantId, bill_id: str, published: PublishedSet) -> list[Reconciliation]:
        prefix = _groups_prefix(bill_id, published.attempt)
        return [items.group_of(item) for item in self._reconciliations.query_all(tenant, prefix=prefix)]

    def history_of(self, tenant: TenantId, bill_id: str) -> list[HistoricSet]:
        rows = self._bills.query_all(tenant, prefix=f"{SET_PREFIX}{bill_id}#", newest_first=True)
        return [items.historic_of(row) for row in rows]

    def history_page(self, tenant: TenantId, bill_id: str, *, limit: int, cursor: str | None) -> HistoryPage:
        page = self._bills.query(
            tenant, prefix=f"{SET_PREFIX}{bill_id}#", limit=limit, cursor=cursor, newest_first=True
        )
        return HistoryPage([items.historic_of(row) for row in page.items], page.cursor)

    def record(
        self,
        tenant: TenantId,
        *,
        delivery: Delivery,
        bill: Bill | None,
        event: BillIngested | BillRejected | None,
        publishes: bool,
        primaries: Primaries | None = None,
    ) -> None:
        """Delivery, bill, history, primaries and event in one transaction. Raises Conflict when somebody
        else wrote."""
        writes: list[TransactWriteItemTypeDef] = [
            self._bills.tx_put(
                tenant,
                _delivery_key(delivery.delivery_id),
                items.delivery_item(delivery),
                expected_version=delivery.version,
            )
        ]
        if bill is not None:
            writes.append(
                self._bills.tx_put(
                    tenant, BILL_PREFIX + bill.bill_id, items.bill_item(bill), expected_version=bill.version
                )
            )
        if bill is not None and bill.published is not None and publishes:
            changes = event.changes if isinstance(event, BillRestated) else None
            key = f"{SET_PREFIX}{bill.bill_id}#{iso(bill.published.published_at)}"
            row = items.set_item(bill.outcome, bill.published, changes)
            writes.append(self._bills.tx_put(tenant, key, row))
        if primaries is not None:
            key = _primaries_key(primaries.billing_period)
            row = {"sources": dict(primaries.sources)}
            writes.append(self._bills.tx_put(tenant, key, row, expected_version=primaries.version))
        if event is not None:
            # The same outcome of the same delivery is the same event, however often it is written.
            event_id = deterministic_id(event.detail_type(), event.bill_id, event.delivery_id)
            writes.append(
                self._outbox.item(
                    envelope(
                        event,
                        tenant=tenant,
                        id=event_id,
                        time=self._clock.now(),
                        correlationid=event.delivery_id,
                    )
                )
            )
        transact(self._bills.client, writes)


def _delivery_key(delivery_id: str) -> str:
    return items.DELIVERY_PREFIX + delivery_id


def _primaries_key(billing_period: str) -> str:
    return f"PRIMARY#{billing_period}"


def _groups_prefix(bill_id: str, attempt: str) -> str:
    return f"{BILL_PREFIX}{bill_id}#{attempt}#"
