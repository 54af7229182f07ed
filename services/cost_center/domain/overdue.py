"""When a bill is overdue. Pure rules: what is known of a source, the time, and what must be said.

A source is expected to deliver when it is connected, or when it showed by itself that it goes on delivering:
a file that somebody uploaded by hand once is no promise of another.

- `late`: the bill of the running month. AWS restates it about daily ("at least once a day": AWS Data Exports
  user guide). Expected of a connected source, and of one that has delivered a running month on two different
  days, and this month or the one before.
- `missing`: the bill of the month that ended last. Expected of a connected source from the month of its
  connection on, and of one that has delivered on two different days and had a bill of the month before.
- `waiting`: a delivery whose files do not all come, of any source: it began by itself.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple, Protocol

from services.cost_center.domain.landing import bill_id
from shared.clock import iso
from shared.events import Envelope
from shared.tenancy import TenantId

_ENOUGH = 2
"""Days of delivery that make a habit."""
GIVEN_UP = timedelta(days=62)
"""A source that is not connected and silent for so long has ended, and so has a delivery that waits: they are
not spoken of any more."""


class Cause(StrEnum):
    LATE = "late"
    MISSING = "missing"
    WAITING = "waiting"


@dataclass(frozen=True)
class Rules:
    """How long is too long.

    `open_month`: without a delivery of the running month. `closed_day`: the day (UTC) of a month at whose
    begin the bill of the month before must be there. `waiting`: for a delivery's files.
    """

    open_month: timedelta = timedelta(hours=48)
    closed_day: int = 5
    waiting: timedelta = timedelta(hours=48)


@dataclass(frozen=True)
class Habit:
    """What the sweep remembers of a source: days on which it delivered (any bill, and one of a running month;
    the first two of each are enough), and when it was first seen connected (None: it is not)."""

    days: tuple[date, ...] = ()
    open_days: tuple[date, ...] = ()
    connected_since: datetime | None = None

    def seeing(self, bills: Mapping[str, datetime], connected: bool, now: datetime) -> "Habit":
        """The habit after a look at the newest delivery of each period."""
        came = {moment.astimezone(UTC) for moment in bills.values()}
        opened = {moment.astimezone(UTC) for period, moment in bills.items() if period_of(moment) == period}
        since = (self.connected_since or now) if connected else None
        return replace(
            self,
            days=_first({*self.days, *(moment.date() for moment in came)}),
            open_days=_first({*self.open_days, *(moment.date() for moment in opened)}),
            connected_since=since,
        )


@dataclass(frozen=True)
class WaitingFiles:
    """A delivery that waits; the period is None where its manifest has not come."""

    source: str
    billing_period: str | None
    since: datetime
    reason: str


@dataclass(frozen=True)
class Source:
    """What is known of a source: by billing period the newest good delivery, its habit, what waits."""

    name: str
    bills: Mapping[str, datetime] = field(default_factory=dict)
    habit: Habit = Habit()
    waiting: Sequence[WaitingFiles] = ()

    @property
    def silent_since(self) -> datetime | None:
        return max((*self.bills.values(), *(each.since for each in self.waiting)), default=None)


class OverdueKey(NamedTuple):
    """What is told once. The period is empty where it is not known."""

    source: str
    billing_period: str
    cause: Cause


@dataclass(frozen=True)
class Overdue:
    """A bill that should have come. `cleared_at`: it has, or nobody expects it any more."""

    key: OverdueKey
    since: datetime
    reason: str
    last_delivered_at: datetime | None = None
    cleared_at: datetime | None = None
    version: int | None = None

    @property
    def bill_id(self) -> str | None:
        return bill_id(self.key.source, self.key.billing_period) if self.key.billing_period else None


def overdue(source: Source, rules: Rules, now: datetime) -> list[Overdue]:
    """All that is overdue of the source now, one per period and cause."""
    found = [_late(source, rules, now), _missing(source, rules, now), *_waiting(source, rules, now)]
    return [each for each in found if each is not None]


def cleared(known: Overdue, source: Source, now: datetime) -> bool:
    """Whether a delivery mended it, or the source has ended. Time alone mends nothing: a month that was late
    and is over stays overdue until it is delivered."""
    silent = source.silent_since
    if source.habit.connected_since is None and (silent is None or now - silent > GIVEN_UP):
        return True
    if known.key.cause is Cause.WAITING:
        return known.key.billing_period not in {each.billing_period or "" for each in _awaited(source, now)}
    return mended(known, source.bills.get(known.key.billing_period))


def mended(known: Overdue, newest: datetime | None) -> bool:
    """Whether a delivery of the bill came since, of which this is the newest; no help to one that waits."""
    if known.key.cause is Cause.WAITING or newest is None:
        return False
    return known.last_delivered_at is None or newest > known.last_delivered_at


def _late(source: Source, rules: Rules, now: datetime) -> Overdue | None:
    period, before = period_of(now), previous(period_of(now))
    habit = source.habit
    goes_on = len(habit.open_days) >= _ENOUGH and bool({period, before} & source.bills.keys())
    if habit.connected_since is None and not goes_on:
        return None
    last = source.bills.get(period)
    begun = max(_begin(period), habit.connected_since or _begin(period))
    since = (last or begun) + rules.open_month
    if now < since:
        return None
    came = (
        f"no bill of {period} has come" if last is None else f"the bill of {period} last came at {iso(last)}"
    )
    reason = f"{came}: a running month is delivered about daily"
    return Overdue(OverdueKey(source.name, period, Cause.LATE), since, reason, last)


def _missing(source: Source, rules: Rules, now: datetime) -> Overdue | None:
    period = previous(period_of(now))
    due = _begin(period_of(now)) + timedelta(days=rules.closed_day - 1)
    if period in source.bills or now < due:
        return None
    habit = source.habit
    goes_on = len(habit.days) >= _ENOUGH and previous(period) in source.bills
    connected = habit.connected_since is not None and period_of(habit.connected_since) <= period
    if not goes_on and not connected:
        return None
    reason = f"no bill of {period} has come, and it was due by {due.date().isoformat()}"
    return Overdue(OverdueKey(source.name, period, Cause.MISSING), due, reason)


def _waiting(source: Source, rules: Rules, now: datetime) -> Iterable[Overdue]:
    oldest: dict[str, WaitingFiles] = {}
    for each in sorted(_awaited(source, now), key=lambda each: each.since, reverse=True):
        oldest[each.billing_period or ""] = each
    for period, each in sorted(oldest.items()):
        if now >= each.since + rules.waiting:
            yield Overdue(
                OverdueKey(source.name, period, Cause.WAITING),
                each.since + rules.waiting,
                f"a delivery waits since {iso(each.since)}: {each.reason}",
                source.bills.get(period),
            )


def _awaited(source: Source, now: datetime) -> list[WaitingFiles]:
    return [each for each in source.waiting if now - each.since <= GIVEN_UP]


def period_of(moment: datetime) -> str:
    """The billing period (UTC) that runs at that moment."""
    at = moment.astimezone(UTC)
    return f"{at.year:04d}-{at.month:02d}"


def previous(period: str) -> str:
    """The month before."""
    return period_of(_begin(period) - timedelta(days=1))


def _begin(period: str) -> datetime:
    year, month = period.split("-")
    return datetime(int(year), int(month), 1, tzinfo=UTC)


def _first(days: Iterable[date]) -> tuple[date, ...]:
    return tuple(sorted(days)[:_ENOUGH])


@dataclass(frozen=True)
class Habits:
    """What is remembered of all sources of a tenant."""

    sources: Mapping[str, Habit] = field(default_factory=dict)
    version: int | None = None


class OverdueReader(Protocol):
    """Who only asks what is overdue."""

    def known(self, tenant: TenantId) -> Sequence[Overdue]:
        """What was told, cleared or not, by source, period and cause."""
        ...

    def delivered_at(self, tenant: TenantId, bill_id: str) -> datetime | None:
        """When what is published of the bill was delivered."""
        ...


class OverdueRows(OverdueReader, Protocol):
    """What the sweep reads and remembers. Raises Conflict when another run wrote the same."""

    def newest(self, tenant: TenantId) -> Mapping[str, Mapping[str, datetime]]:
        """By source and billing period, when what is published was delivered."""
        ...

    def waiting(self, tenant: TenantId) -> Sequence[WaitingFiles]: ...

    def connected(self, tenant: TenantId) -> set[str]:
        """The sources that are pulled from a connected account."""
        ...

    def habits(self, tenant: TenantId) -> Habits: ...

    def save_habits(self, tenant: TenantId, habits: Habits) -> None: ...

    def save(self, tenant: TenantId, overdue: Overdue, word: Envelope | None) -> None:
        """The row of that version, and the event that tells of it: both or neither."""
        ...
