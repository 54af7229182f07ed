"""What the sweeps remember, in the bill table: `SWEEP#LANDING`, `SWEEP#ORPHANS` and `RESENT#<delivery id>`.

A run's state and the event that tells what it healed are one transaction.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

from services.cost_center.adapters import bill_items as items
from services.cost_center.domain.bill import Delivery
from services.cost_center.domain.history import Publication
from services.cost_center.domain.sweeps import HORIZON, LandingState, OrphanState, Position, Resent
from services.cost_center.events import BILL_PREFIX, SET_PREFIX, LakeMaintenanceDue
from shared.clock import iso
from shared.errors import Conflict
from shared.events import Envelope, envelope
from shared.ids import deterministic_id
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
        """The URIs in every published set (the bills' own, and their history's), and the documents of what
        they changed."""
        return {uri for each in self._sets(tenant) for uri in _uris(each)}

    def publications(self, tenant: TenantId) -> dict[str, list[Publication]]:
        found: dict[str, list[Publication]] = {}
        for item in self._bills.query_all(tenant, prefix=SET_PREFIX):
            moment = datetime.fromisoformat(item["published_at"])
            made = Publication(moment, kept=bool(item.get("tables")))
            found.setdefault(item["bill_id"], []).append(made)
        return found

    def let_go(self, tenant: TenantId, bill_id: str, published_at: datetime) -> None:
        key = f"{SET_PREFIX}{bill_id}#{iso(published_at)}"
        row = self._bills.get(tenant, key)
        if row is not None and row.pop("tables", None):
            self._bills.put(tenant, key, row, expected_version=int(row.pop("version")))

    def ask_maintenance(self, tenant: TenantId, now: datetime) -> None:
        event = LakeMaintenanceDue(week=f"{now.isocalendar().year}-W{now.isocalendar().week:02d}")
        named = deterministic_id(event.detail_type(), tenant, event.week)
        with suppress(Conflict):  # it was asked for this week
            self._write([], envelope(event, tenant=tenant, id=named, time=now))

    def bound_snapshots(self, tenant: TenantId) -> dict[tuple[str, str], set[int]]:
        found: dict[tuple[str, str], set[int]] = {}
        for each in self._sets(tenant):
            for table in each.get("tables", {}).values():
                bound = found.setdefault((table["database"], table["table"]), set())
                bound.add(int(table["snapshot_id"]))
        return found

    def _sets(self, tenant: TenantId) -> Iterator[Mapping[str, Any]]:
        for item in self._bills.query_all(tenant, prefix=BILL_PREFIX):
            if item.get("published"):
                yield item["published"]
        yield from self._bills.query_all(tenant, prefix=SET_PREFIX)

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


def _uris(published: Mapping[str, Any]) -> Iterator[str]:
    for table in published.get("tables", {}).values():
        yield from table["files"]
    if document := (published.get("changes") or {}).get("document"):
        yield document


def _resent_key(delivery_id: str) -> str:
    return f"RESENT#{delivery_id}"
