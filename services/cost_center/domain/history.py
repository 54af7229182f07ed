"""The published sets of a bill over time, and which of them stay readable."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from services.cost_center.domain.bill import Outcome
from services.cost_center.events import KEPT_WHOLE, SetChanges, month_ends


@dataclass(frozen=True)
class HistoricSet:
    """One set that was published: what its delivery was, and what it changed of the set before (None: it
    was the first). `kept` is whether it can still be read."""

    outcome: Outcome
    published_at: datetime
    kept: bool
    changes: SetChanges | None = None


@dataclass(frozen=True)
class HistoryPage:
    """Published sets of one bill, the newest first, and the token of the next page."""

    sets: Sequence[HistoricSet]
    cursor: str | None


@dataclass(frozen=True)
class Publication:
    """When a set was published, and whether its row still tells its files."""

    at: datetime
    kept: bool


def kept(published: Sequence[datetime], now: datetime) -> set[datetime]:
    """Those of a bill's publications (oldest first) whose set must stay readable at `now`.

    A set reigns from its publication until the next one. It is kept while it reigns, for KEPT_WHOLE after,
    and as long as one of the last KEPT_MONTHS months ended under it.
    """
    ends = month_ends(now)
    found = set(published[-1:])
    for begin, end in pairwise(published):
        if end > now - KEPT_WHOLE or any(begin <= each < end for each in ends):
            found.add(begin)
    return found
