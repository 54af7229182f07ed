"""The landing sweep: S3 is the truth, and a delivery that no row accounts for is announced again.

Two walks per tenant and run, each of at most `pages` listings, so that no run ever lists a bucket:

- *uploads* have keys with an id that sorts by time, so each source is read from its watermark on: a lost
  upload is found at the next run, however many lie before it;
- *every key* is walked through slowly, going on where the last run stopped, because what other tools put has
  keys of any shape. That walk takes (keys / (pages x 1000)) runs to come round.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from services.cost_center.domain.landing import QUARANTINE, in_quarantine
from services.cost_center.domain.sweep_ports import LandedVersions, LandingQueue, LandingSweepRows
from services.cost_center.domain.sweeps import (
    HORIZON,
    Landed,
    LandedPage,
    LandingState,
    Position,
    Resent,
    accounted,
    lost,
    upload_floor,
)
from shared.clock import Clock
from shared.ids import Ids
from shared.observability import logger
from shared.sweeps import healed
from shared.tenancy import TenantId

SWEEP = "landing"
MOST_PER_RUN = 90
"""Of one tenant: as many as are noted in one transaction with the event that tells of them."""
_CLOCKS_DIFFER = timedelta(days=1)
_UPLOAD_TAKES = timedelta(hours=1)
"""An upload's id is older than the object: no watermark passes ids that may still be put."""


@dataclass(frozen=True)
class SweepLanding:
    """The use case and its ports. `time_is_up` ends a run early; the next one goes on from there."""

    landed: LandedVersions
    queue: LandingQueue
    rows: LandingSweepRows
    clock: Clock
    ids: Ids
    pages: int
    grace: timedelta
    time_is_up: Callable[[], bool] = lambda: False

    def __call__(self, tenant: TenantId) -> int:
        """How many deliveries were announced again."""
        run = _Run(self, tenant, self.clock.now())
        before = self.rows.landing_state(tenant)
        state = run.crawl(run.uploads(before))
        word = None
        if run.sent:
            word = healed(SWEEP, tenant, list(run.sent.values()), clock=self.clock, ids=self.ids)
        if state != before or run.resent:
            self.rows.save_landing(tenant, state, run.resent, word)
        return len(run.sent)


@dataclass
class _Passed:
    """A watermark that rises over keys all of whose versions are accounted for, up to `highest`."""

    mark: str
    highest: str
    current: str = ""
    rising: bool = True

    def see(self, key: str, accounted: bool) -> None:
        if key != self.current:
            self.end()
            self.current = key
        self.rising = self.rising and accounted

    def end(self) -> str:
        """The mark, now that no version of the current key is to come."""
        if self.rising and self.current:
            self.mark = max(self.mark, min(self.current, self.highest))
        return self.mark


@dataclass
class _Run:
    """One run for one tenant. `sent` is delivery id -> key."""

    sweep: SweepLanding
    tenant: TenantId
    now: datetime
    sent: dict[str, str] = field(default_factory=dict)
    resent: dict[str, Resent] = field(default_factory=dict)

    @property
    def over(self) -> bool:
        return len(self.sent) >= MOST_PER_RUN or self.sweep.time_is_up()

    def uploads(self, state: LandingState) -> LandingState:
        """Each source from its watermark on, as far as the pages go; the next run begins with the next."""
        sources = sorted(set(self.sweep.landed.sources(self.tenant)) - {QUARANTINE})
        last = state.last_source or ""
        budget = self.sweep.pages
        for source in [each for each in sources if each > last] + [each for each in sources if each <= last]:
            if budget <= 0 or self.over:
                break
            mark, used = self._source(source, state.watermarks.get(source, ""), budget)
            budget -= used
            marks = {**state.watermarks, source: mark} if mark else state.watermarks
            state = replace(state, watermarks=marks, last_source=source)
        known = {source: mark for source, mark in state.watermarks.items() if source in sources}
        return replace(state, watermarks=known)

    def _source(self, source: str, mark: str, budget: int) -> tuple[str, int]:
        """The source's new watermark, and how many pages it took."""
        floor, highest, ceiling = (
            upload_floor(self.tenant, source, moment)
            for moment in (self.now - HORIZON, self.now - _UPLOAD_TAKES, self.now + _CLOCKS_DIFFER)
        )
        position: Position | None = Position(max(floor, mark))
        passed = _Passed(mark, highest)
        for used in range(1, budget + 1):
            page = self.sweep.landed.page(f"{self.tenant}/{source}/", position)
            for each in page.objects:
                if self.over:
                    return passed.mark, used
                # Beyond the ids of today lie keys of other tools: the other walk's.
                if each.object.key > ceiling:
                    return passed.end(), used
                passed.see(each.object.key, self._accounted(each))
            position = page.following
            if position is None:
                return passed.end(), used
        return passed.mark, budget

    def crawl(self, state: LandingState) -> LandingState:
        """The next pages of all keys, from where the last run stopped."""
        position = state.crawl
        for page in self._pages(position):
            for each in page.objects:
                if self.over:
                    return replace(state, crawl=position)
                self._accounted(each)
                position = each.position
            position = page.following
        return replace(state, crawl=position)

    def _pages(self, position: Position | None) -> Iterator[LandedPage]:
        for _ in range(self.sweep.pages):
            if self.over:
                return
            page = self.sweep.landed.page(f"{self.tenant}/", position)
            yield page
            position = page.following
            if position is None:
                return

    def _accounted(self, each: Landed) -> bool:
        """Whether nothing is left to do for this object, now or later; announces it if it is lost."""
        refused = in_quarantine(each.object.key)
        if refused or each.object.is_folder or each.modified < self.now - HORIZON:
            return True
        if each.modified > self.now - self.sweep.grace:
            return False
        delivery_id = each.object.delivery_id
        delivery = self.sweep.rows.delivery(self.tenant, delivery_id)
        if not lost(delivery, self.now, self.sweep.grace):
            return accounted(delivery)
        before = self.resent.get(delivery_id) or self.sweep.rows.resent(self.tenant, delivery_id)
        if before is not None and not before.due(self.now):
            return False
        times = 1 if before is None else before.times + 1
        logger.warning("a delivery was lost and is announced again", key=each.object.key, times=times)
        self.sweep.queue.send(each.object)
        self.sent[delivery_id] = each.object.key
        self.resent[delivery_id] = Resent(times, self.now)
        return False
