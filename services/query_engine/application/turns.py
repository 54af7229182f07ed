"""Whose turn it is: a line per tenant, as many queries at a time as there are cores, the tenants in turn.

A tenant's storm waits behind itself: a slot that is freed goes to the tenant that has the fewest queries in
work, and among equals to the one that was served longest ago. For many threads.
"""

import math
import threading
import time
from collections import Counter, deque
from collections.abc import Callable

from services.query_engine.domain.errors import QUERY_BUSY, QUERY_CANCELLED, failure
from shared.errors import OnyxError
from shared.tenancy import TenantId

_LOOK_SECONDS = 0.2
"""How long a query that waits takes to notice that nobody waits for it any more."""
_FIRST_GUESS_SECONDS = 1.0
_LONGEST_RETRY_SECONDS = 30
_WEIGHT = 0.2
"""Of the last query in the average that the estimate is made of."""


class Turns:
    def __init__(
        self,
        *,
        slots: int,
        waiting: int,
        waiting_in_all: int,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`waiting` is what one tenant's line holds. Long queries leave one slot to the others, if there are
        two."""
        self._slots = slots
        self._long_slots = max(slots - 1, 1)
        self._waiting = waiting
        self._waiting_in_all = waiting_in_all
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._lines: dict[TenantId, deque[Turn]] = {}
        self._served: dict[TenantId, int] = {}  # of those that wait or run: when last, in services
        self._services = 0
        self._running: Counter[TenantId] = Counter()
        self._long_running = 0
        self._seconds = _FIRST_GUESS_SECONDS

    def enter(self, tenant: TenantId, *, long: bool = False) -> "Turn":
        """A place in the tenant's line, to be left in any case. Raises TooManyRequests (QUERY_BUSY)."""
        turn = Turn(self, tenant, long)
        with self._lock:
            line = self._lines.setdefault(tenant, deque())
            line.append(turn)
            self._grant()
            in_all = sum(map(len, self._lines.values()))
            if not turn.granted.is_set() and (len(line) > self._waiting or in_all > self._waiting_in_all):
                self._forget(turn)
                whose = "of yours " if len(line) >= self._waiting else ""
                raise self._busy(f"Too many queries {whose}are waiting")
        return turn

    def _grant(self) -> None:
        while self._running.total() < self._slots and (turn := self._next()):
            self._forget(turn)
            self._services += 1
            self._served[turn.tenant] = self._services
            self._running[turn.tenant] += 1
            self._long_running += turn.long
            turn.since = self._monotonic()
            turn.granted.set()

    def _next(self) -> "Turn | None":
        free_for_long = self._long_running < self._long_slots
        for tenant in sorted(self._lines, key=lambda each: (self._running[each], self._served.get(each, 0))):
            for turn in self._lines[tenant]:
                if free_for_long or not turn.long:
                    return turn
        return None

    def leave(self, turn: "Turn") -> None:
        with self._lock:
            if turn.granted.is_set():
                self._running[turn.tenant] -= 1
                self._running += Counter()  # drops those without any
                self._long_running -= turn.long
                if not turn.long:
                    spent = self._monotonic() - turn.since
                    self._seconds += _WEIGHT * (spent - self._seconds)
                self._grant()
            else:
                self._forget(turn)
            if turn.tenant not in self._lines and not self._running[turn.tenant]:
                self._served.pop(turn.tenant, None)

    def _forget(self, turn: "Turn") -> None:
        line = self._lines.get(turn.tenant)
        if line and turn in line:
            line.remove(turn)
        if not line:
            self._lines.pop(turn.tenant, None)

    def busy(self, detail: str) -> OnyxError:
        with self._lock:
            return self._busy(detail)

    def _busy(self, detail: str) -> OnyxError:
        """When half of what waits now should be done, by what queries took lately."""
        ahead = sum(map(len, self._lines.values())) / 2 + 1
        seconds = math.ceil(self._seconds * ahead / self._slots)
        retry_after = min(max(seconds, 1), _LONGEST_RETRY_SECONDS)
        return failure(QUERY_BUSY, f"{detail}: try again in {retry_after} s", retry_after=retry_after)


class Turn:
    """One query's place."""

    def __init__(self, turns: Turns, tenant: TenantId, long: bool) -> None:
        self.tenant = tenant
        self.long = long
        self.granted = threading.Event()
        self.since = 0.0
        self._turns = turns
        self._left = False

    def wait(self, seconds: float, stop: threading.Event | None = None) -> None:
        """Until it is this query's turn. Raises OnyxError: QUERY_BUSY when it is not in time, or
        QUERY_CANCELLED."""
        deadline = time.monotonic() + seconds
        while not self.granted.wait(min(_LOOK_SECONDS, max(deadline - time.monotonic(), 0))):
            if stop is not None and stop.is_set():
                raise failure(QUERY_CANCELLED, "The query was cancelled")
            if time.monotonic() >= deadline:
                raise self._turns.busy("No worker became free in time")

    def leave(self) -> None:
        """Give the slot, or the place in the line, to others. More than once does no harm."""
        if not self._left:
            self._left = True
            self._turns.leave(self)

    def __enter__(self) -> "Turn":
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()
