"""What the sweeps remember, in the bill table: `SWEEP#LANDING`, `SWEEP#ORPHANS` and `RESENT#<delivery id>`.

A run's state and the event that tells what it healed are one transaction.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from services.cost_center.adapters import bill_items as items
from services.cost_center.domain.bill import Delivery
from services.cost_center.domain.sweeps import HORIZON, LandingState, OrphanState, Position, Resent
from services.cost_center.events import BILL_PREFIX
from shared.clock import iso
from shared.events import Envelope
from shared.outbox import Outbox
from shared.table import TenantTable, transact
from shared.tenancy import TenantId

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

_LANDING = "SWEEP#LANDING"
_ORPHANS = "SWEEP#ORPHANS"


class SweepStore:
    """One environment's sweeps."""

    def __init__(self, bills: TenantTable, outbox: Outbox) -> None:
        self._bills = bills
        self._outbox = outbox

    def delivery(self, tenant: TenantId, delivery_id: str) -> Delivery | None:
        item = self._bills.get(tenant, items.DELIVERY_PREFIX + delivery_id)
        return None if item is None else items.delivery_of(item)

    def resent(self, tenant: TenantId, delivery_id: str) -> Resent | None:
        item = self._bills.get(tenant, _resent_key(delivery_id))
        return None if item is None else Resent(int(item["times"]), datetime.fromisoformat(item["at"]))

    def landing_state(self, tenant: TenantId) -> LandingState:
        item = self._bills.get(tenant, _LANDING)
        if item is None:
            return LandingState()
        return LandingState(
            watermarks=dict(item["watermarks"]),
            last_source=item["last_source"],
            crawl=Position(**item["crawl"]) if item["crawl"] else None,
            version=int(item["version"]),
        )

    def save_landing(
        self,
        tenant: TenantId,
        state: LandingState,
        resent: Mapping[str, Resent],
        word: Envelope | None,
    ) -> None:
        crawl = state.crawl
        item = {
            "watermarks": dict(state.watermarks),
            "last_source": state.last_source,
            "crawl": None if crawl is None else {"key": crawl.key, "version_id": crawl.version_id},
        }
        writes = [self._bills.tx_put(tenant, _LANDING, item, expected_version=state.version)]
        for delivery_id, each in resent.items():
            note = {"times": each.times, "at": iso(each.at), "ttl": int((each.at + 2 * HORIZON).timestamp())}
            # What an earlier run noted is of the version that it was written in.
            known = None if each.times == 1 else each.times - 1
            writes.append(self._bills.tx_put(tenant, _resent_key(delivery_id), note, expected_version=known))
        self._write(writes, word)

    def published_files(self, tenant: TenantId) -> set[str]:
        """The URIs in every published set: the bills' own, and their history's."""
        bills = self._bills.query_all(tenant, prefix=BILL_PREFIX)
        current = (item["published"] for item in bills if item.get("published"))
        history = self._bills.query_all(tenant, prefix=items.SET_PREFIX)
        return {
            file
            for sets in (current, history)
            for each in sets
            for table in each["tables"].values()
            for file in table["files"]
        }

    def orphan_state(self, tenant: TenantId) -> OrphanState:
        item = self._bills.get(tenant, _ORPHANS)
        return OrphanState() if item is None else OrphanState(item["after"], int(item["version"]))

    def save_orphans(self, tenant: TenantId, state: OrphanState, word: Envelope | None) -> None:
        item = {"after": state.after}
        self._write([self._bills.tx_put(tenant, _ORPHANS, item, expected_version=state.version)], word)

    def _write(self, writes: "list[TransactWriteItemTypeDef]", word: Envelope | None) -> None:
        if word is not None:
            writes.append(self._outbox.item(word))
        transact(self._bills.client, writes)


def _resent_key(delivery_id: str) -> str:
    return f"RESENT#{delivery_id}"
