"""What is overdue, in the bill table: `OVERDUE#<source>#<period>#<cause>` and `SWEEP#OVERDUE` (habits).

A row that is cleared stays for a month by its time to live: being overdue again replaces it.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from services.cost_center.adapters import bill_items as items
from services.cost_center.adapters.connection_store import CONNECTION_PREFIX
from services.cost_center.adapters.delivery_rows import WAITING_PREFIX
from services.cost_center.domain.connection import Status
from services.cost_center.domain.overdue import Cause, Habit, Habits, Overdue, OverdueKey, WaitingFiles
from services.cost_center.events import BILL_PREFIX
from shared.clock import iso
from shared.events import Envelope
from shared.outbox import Outbox
from shared.table import TenantTable, transact
from shared.tenancy import TenantId

_PREFIX = "OVERDUE#"
_HABITS = "SWEEP#OVERDUE"
_KEPT = timedelta(days=31)
_PULLED = (Status.VERIFIED.value, Status.FAILING.value)


class OverdueList:
    """One environment's overdue bills, to be read."""

    def __init__(self, bills: TenantTable) -> None:
        self._bills = bills

    def known(self, tenant: TenantId) -> list[Overdue]:
        return [overdue_of(row) for row in self._bills.query_all(tenant, prefix=_PREFIX)]

    def delivered_at(self, tenant: TenantId, bill_id: str) -> datetime | None:
        row = self._bills.get(tenant, BILL_PREFIX + bill_id)
        published = None if row is None else row.get("published")
        return None if published is None else datetime.fromisoformat(published["delivered_at"])


class OverdueStore(OverdueList):
    """All that the sweep needs."""

    def __init__(self, bills: TenantTable, connections: TenantTable, outbox: Outbox) -> None:
        super().__init__(bills)
        self._connections = connections
        self._outbox = outbox

    def newest(self, tenant: TenantId) -> dict[str, dict[str, datetime]]:
        found: dict[str, dict[str, datetime]] = {}
        for row in self._bills.query_all(tenant, prefix=BILL_PREFIX):
            if row["billing_period"] and row.get("published"):
                moment = datetime.fromisoformat(row["published"]["delivered_at"])
                found.setdefault(row["source"], {})[row["billing_period"]] = moment
        return found

    def waiting(self, tenant: TenantId) -> list[WaitingFiles]:
        found = []
        for index in self._bills.query_all(tenant, prefix=WAITING_PREFIX):
            row = self._bills.get(tenant, items.DELIVERY_PREFIX + index["delivery_id"])
            delivery = None if row is None else items.delivery_of(row)
            if delivery is not None and delivery.waiting is not None and not delivery.done:
                waits = delivery.waiting
                found.append(WaitingFiles(delivery.source, waits.billing_period, waits.since, waits.reason))
        return found

    def connected(self, tenant: TenantId) -> set[str]:
        rows = self._connections.query_all(tenant, prefix=CONNECTION_PREFIX)
        return {row["source"] for row in rows if row["status"] in _PULLED}

    def habits(self, tenant: TenantId) -> Habits:
        row = self._bills.get(tenant, _HABITS)
        if row is None:
            return Habits()
        sources = {name: habit_of(item) for name, item in row["sources"].items()}
        return Habits(sources, int(row["version"]))

    def save_habits(self, tenant: TenantId, habits: Habits) -> None:
        row = {"sources": {name: habit_item(habit) for name, habit in habits.sources.items()}}
        self._bills.put(tenant, _HABITS, row, expected_version=habits.version)

    def save(self, tenant: TenantId, overdue: Overdue, word: Envelope | None) -> None:
        key = _PREFIX + "#".join(overdue.key)
        writes = [self._bills.tx_put(tenant, key, overdue_item(overdue), expected_version=overdue.version)]
        if word is not None:
            writes.append(self._outbox.item(word))
        transact(self._bills.client, writes)


def overdue_item(overdue: Overdue) -> dict[str, Any]:
    last, cleared = overdue.last_delivered_at, overdue.cleared_at
    item: dict[str, Any] = {
        "source": overdue.key.source,
        "billing_period": overdue.key.billing_period,
        "cause": overdue.key.cause.value,
        "since": iso(overdue.since),
        "reason": overdue.reason,
        "last_delivered_at": None if last is None else iso(last),
        "cleared_at": None if cleared is None else iso(cleared),
    }
    return item if cleared is None else {**item, "ttl": int((cleared + _KEPT).timestamp())}


def overdue_of(item: Mapping[str, Any]) -> Overdue:
    return Overdue(
        OverdueKey(item["source"], item["billing_period"], Cause(item["cause"])),
        datetime.fromisoformat(item["since"]),
        item["reason"],
        _moment(item["last_delivered_at"]),
        _moment(item["cleared_at"]),
        int(item["version"]),
    )


def habit_item(habit: Habit) -> dict[str, Any]:
    since = habit.connected_since
    return {
        "days": [each.isoformat() for each in habit.days],
        "open_days": [each.isoformat() for each in habit.open_days],
        "connected_since": None if since is None else iso(since),
    }


def habit_of(item: Mapping[str, Any]) -> Habit:
    return Habit(
        tuple(date.fromisoformat(each) for each in item["days"]),
        tuple(date.fromisoformat(each) for each in item["open_days"]),
        _moment(item["connected_since"]),
    )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
