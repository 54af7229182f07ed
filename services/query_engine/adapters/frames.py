"""Columns of the lake's files in memory: within a budget, the longest unused going first.

What was used a moment ago makes no place: two working sets that do not fit together would else drive each
other out at every query.

A file of the lake never changes and a plan names its files, so what is held here is never stale: a newly
published set is other files, and queries move to it by naming them.
"""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import polars as pl

IN_USE = 30.0
"""Seconds for which a column that was used keeps its place."""


class Cell(NamedTuple):
    """One column of one file, as a table has it: in the table's type, or (`map_key`) one key of a map."""

    tenant: str
    path: str
    column: str
    type: str
    map_key: str | None = None


@dataclass
class _Held:
    series: pl.Series
    size: int
    used: float


class FrameStore:
    """Safe to call from many threads. What a query took stays alive for it, whatever is evicted meanwhile."""

    def __init__(self, budget: int, now: Callable[[], float] = time.monotonic) -> None:
        """`budget`: bytes, as Polars estimates its columns."""
        self._budget = budget
        self._now = now
        self._lock = threading.Lock()
        self._held: OrderedDict[Cell, _Held] = OrderedDict()
        self._bytes = 0

    @property
    def bytes(self) -> int:
        with self._lock:
            return self._bytes

    def take(self, cells: Sequence[Cell]) -> list[pl.Series] | None:
        """The columns of `cells`, in their order, or None where one of them is not here."""
        now = self._now()
        with self._lock:
            if any(each not in self._held for each in cells):
                return None
            for each in cells:
                self._held[each].used = now
                self._held.move_to_end(each)
            return [self._held[each].series for each in cells]

    def missing(self, cells: Collection[Cell]) -> list[Cell]:
        with self._lock:
            return [each for each in cells if each not in self._held]

    def put(self, columns: Mapping[Cell, pl.Series]) -> bool:
        """Keep `columns`, in the place of what was longest unused; whether all of them were kept."""
        now = self._now()
        with self._lock:
            for cell, series in columns.items():
                size = int(series.estimated_size())
                self._drop(cell)
                if not self._make_room(size, now):
                    return False
                self._held[cell] = _Held(series, size, now)
                self._bytes += size
        return True

    def retire(self, tenant: str, bound: Collection[str]) -> None:
        """Of `tenant`, only the files `bound` are published now: what is of others goes first."""
        with self._lock:
            for cell in [each for each in self._held if each.tenant == tenant and each.path not in bound]:
                self._held[cell].used = -math.inf
                self._held.move_to_end(cell, last=False)

    def _make_room(self, size: int, now: float) -> bool:
        if size > self._budget:
            return False
        while self._bytes + size > self._budget:
            cell, oldest = next(iter(self._held.items()))
            if now - oldest.used < IN_USE:
                return False
            self._drop(cell)
        return True

    def _drop(self, cell: Cell) -> None:
        if found := self._held.pop(cell, None):
            self._bytes -= found.size
