"""The sweep for overdue bills: each is told once, and is over when a delivery mends it."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from services.cost_center.domain.overdue import (
    Habit,
    Habits,
    Overdue,
    OverdueKey,
    OverdueReader,
    OverdueRows,
    Rules,
    Source,
    cleared,
    mended,
    overdue,
)
from services.cost_center.events import BillOverdue
from shared.clock import Clock
from shared.errors import Conflict
from shared.events import envelope
from shared.ids import Ids
from shared.observability import logger
from shared.tenancy import TenantId

SWEEP = "overdue"


@dataclass(frozen=True)
class SweepOverdue:
    """The use case and its ports. `time_is_up` ends a run early; the next one does the rest."""

    rows: OverdueRows
    rules: Rules
    clock: Clock
    ids: Ids
    time_is_up: Callable[[], bool] = lambda: False

    def __call__(self, tenant: TenantId) -> int:
        """How many bills were found overdue that were not before."""
        known = {each.key: each for each in self.rows.known(tenant)}
        raised = 0
        for source in self._sources(tenant, {key.source for key in known}).values():
            if self.time_is_up():
                break
            raised += self._source(tenant, source, known)
        return raised

    def _source(self, tenant: TenantId, source: Source, known: Mapping[OverdueKey, Overdue]) -> int:
        now = self.clock.now()
        found = {each.key: each for each in overdue(source, self.rules, now)}
        raised = 0
        for key, before in known.items():
            over = key.source == source.name and before.cleared_at is None and key not in found
            if over and cleared(before, source, now):
                with suppress(Conflict):  # another run was faster
                    self.rows.save(tenant, replace(before, cleared_at=now), None)
        for key, each in found.items():
            told = known.get(key)
            if told is not None and told.cleared_at is None:
                continue
            with suppress(Conflict):
                self._raise(tenant, replace(each, version=None if told is None else told.version))
                raised += 1
        return raised

    def _raise(self, tenant: TenantId, late: Overdue) -> None:
        event = BillOverdue(
            source=late.key.source,
            bill_id=late.bill_id,
            billing_period=late.key.billing_period or None,
            cause=late.key.cause.value,
            since=late.since,
            last_delivered_at=late.last_delivered_at,
            reason=late.reason,
        )
        word = envelope(event, tenant=tenant, id=self.ids.new(), time=self.clock.now())
        self.rows.save(tenant, late, word)
        logger.warning("a bill is overdue", source=late.key.source, period=late.key.billing_period)

    def _sources(self, tenant: TenantId, told: set[str]) -> dict[str, Source]:
        """Every source that delivered, waits, is connected, remembered or told of; its habit as of now."""
        newest, connected = self.rows.newest(tenant), self.rows.connected(tenant)
        waiting, habits = self.rows.waiting(tenant), self.rows.habits(tenant)
        now = self.clock.now()
        names = {*newest, *connected, *habits.sources, *told, *(each.source for each in waiting)}
        seen = {
            name: habits.sources.get(name, Habit()).seeing(newest.get(name, {}), name in connected, now)
            for name in sorted(names)
        }
        kept = {name: habit for name, habit in seen.items() if habit != Habit()}
        if kept != dict(habits.sources):
            with suppress(Conflict):  # another run saw the same
                self.rows.save_habits(tenant, Habits(kept, habits.version))
        return {
            name: Source(name, newest.get(name, {}), habit, [each for each in waiting if each.source == name])
            for name, habit in seen.items()
        }


@dataclass(frozen=True)
class ReadOverdue:
    """What is overdue now: as the last sweep saw, but for what was delivered since."""

    rows: OverdueReader

    def __call__(self, tenant: TenantId) -> list[Overdue]:
        found = [each for each in self.rows.known(tenant) if each.cleared_at is None]
        return [
            each
            for each in found
            if each.bill_id is None or not mended(each, self.rows.delivered_at(tenant, each.bill_id))
        ]
