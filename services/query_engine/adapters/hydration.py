"""What a worker keeps of its tenants' files: copies on disk, and the columns that are asked for in memory.

A query whose columns are all in memory runs over them; any other runs over the copies, and what it read comes
into memory afterwards once it was read twice lately. What is published is brought in before it is asked for.
"""

import sys
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

from services.query_engine.adapters.file_cache import FileCache, NoRoom
from services.query_engine.adapters.frames import Cell, FrameStore
from services.query_engine.adapters.lake_files import REMOTE, LakeFiles
from services.query_engine.adapters.lake_reader import LakeReader
from services.query_engine.adapters.stop import Stop
from services.query_engine.adapters.table_cells import GroupCells, cells_of, put_together, read_cells
from services.query_engine.domain.hot_columns import HOT_CHARGES
from services.query_engine.domain.plan import BoundTable, Plan
from services.query_engine.domain.tables import FileGroup, Table
from shared.errors import OnyxError
from shared.observability import logger

LATELY = 900.0
_OFTEN = 2
_REMEMBERED = 100_000
_REFUSED_SECONDS = 60.0
_IN_MEMORY = "polars"
"""The engine that runs over columns in memory."""


class Heat:
    """How often things were used lately."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._seen: OrderedDict[Hashable, tuple[int, float]] = OrderedDict()

    def use(self, thing: Hashable) -> int:
        """Count a use; how many there were, each within LATELY of the one before."""
        count, last = self._seen.pop(thing, (0, 0.0))
        now = self._now()
        count = count + 1 if now - last <= LATELY else 1
        self._seen[thing] = (count, now)
        while len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        return count

    def used(self, thing: Hashable) -> bool:
        return thing in self._seen


class Hydration:
    """Safe to call from many threads. `close` ends what goes on in the background."""

    def __init__(
        self, files: FileCache, frames: FrameStore, now: Callable[[], float] = time.monotonic
    ) -> None:
        self.files = files
        self.frames = frames
        self._now = now
        self._heat = Heat(now)
        self._refused: OrderedDict[Hashable, float] = OrderedDict()
        self._coming: set[Cell] = set()
        self._lock = threading.Lock()
        self._later = ThreadPoolExecutor(1, "hydrate")

    @contextmanager
    def open(self, tenant: str, plan: Plan, storage: Mapping[str, str], stop: Stop) -> Iterator[LakeFiles]:
        """The plan's files, for the time of the query. Raises OnyxError (LAKE_UNAVAILABLE, QUERY_TIMEOUT)."""
        groups = {each.name: cells_of(tenant, each) for each in plan.tables}
        if (files := self._in_memory(plan, groups, storage, stop)) is not None:
            yield files
            return
        paths = [path for each in plan.tables for path in each.table.files if path.startswith(REMOTE)]
        with ExitStack() as held:
            try:
                local = held.enter_context(self.files.lease(tenant, paths, storage, stop))
            except NoRoom:
                local = {}
            yield LakeFiles(storage, local, stop=stop)
        if plan.engine == _IN_MEMORY and local:
            self._note(tenant, plan, groups, storage)

    def holds(self, tenant: str, plan: Plan) -> bool:
        """Whether the plan would run over columns in memory now."""
        groups = {each.name: cells_of(tenant, each) for each in plan.tables}
        return self._in_memory(plan, groups, {}, Stop()) is not None

    def warm(
        self, tenant: str, tables: Sequence[Table], bound: frozenset[str], storage: Mapping[str, str]
    ) -> None:
        """Bring in the columns of `tables` that are asked for. `bound`: all files that are published now."""
        self.frames.retire(tenant, bound)
        self.files.retire(tenant, bound)
        for table in tables:
            columns = self._asked_for(tenant, table)
            if columns:
                self._bring(cells_of(tenant, BoundTable(table.name, table, columns=columns)), storage)

    def settle(self) -> None:
        """Wait until nothing comes in any more."""
        self._later.submit(lambda: None).result()

    def close(self) -> None:
        self._later.shutdown(wait=False, cancel_futures=True)
        self.files.close()

    def _in_memory(
        self, plan: Plan, groups: Mapping[str, list[GroupCells]], storage: Mapping[str, str], stop: Stop
    ) -> LakeFiles | None:
        # Over several tables Polars orders joins well from files and badly from memory.
        if plan.engine != _IN_MEMORY or len(plan.tables) != 1:
            return None
        (bound,) = plan.tables
        if not groups[bound.name]:
            return None
        frames = put_together(self.frames, groups[bound.name])
        return None if frames is None else LakeFiles(storage, frames={bound.name: frames}, stop=stop)

    def _note(
        self,
        tenant: str,
        plan: Plan,
        groups: Mapping[str, list[GroupCells]],
        storage: Mapping[str, str],
    ) -> None:
        """Count what a query read; what was read often comes into memory."""
        if len(plan.tables) != 1:
            return
        (bound,) = plan.tables
        with self._lock:
            columns = {cell[2:] for each in groups[bound.name] for cells in each.cells for cell in cells}
            uses = [self._heat.use((tenant, path)) for path in bound.table.files]
            uses += [self._heat.use((tenant, bound.table.base, each)) for each in columns]
        if min(uses, default=0) >= _OFTEN:
            self._bring(groups[bound.name], storage)

    def _asked_for(self, tenant: str, table: Table) -> tuple[str, ...]:
        with self._lock:
            used = tuple(
                each.name.lower()
                for each in table.columns
                if self._heat.used((tenant, table.base, (each.name.lower(), each.type, None)))
            )
        if used or table.base != "charges":
            return used
        return tuple(each.lower() for each in HOT_CHARGES)

    def _bring(self, groups: Sequence[GroupCells], storage: Mapping[str, str]) -> None:
        with self._lock:
            wanted: list[tuple[FileGroup, str, list[Cell]]] = []
            for each in groups:
                for path, cells in zip(each.group.files, each.cells, strict=True):
                    missing = [one for one in self.frames.missing(cells) if one not in self._coming]
                    if missing and path.startswith(REMOTE):
                        wanted.append((each.group, path, missing))
            job = hash(tuple((path, tuple(cells)) for _, path, cells in wanted))
            if not wanted or self._now() - self._refused.get(job, -_REFUSED_SECONDS) < _REFUSED_SECONDS:
                return
            self._coming.update(cell for _, _, cells in wanted for cell in cells)
        self._later.submit(self._bring_in, job, wanted, dict(storage))

    def _bring_in(
        self, job: int, wanted: Sequence[tuple[FileGroup, str, list[Cell]]], storage: Mapping[str, str]
    ) -> None:
        began, size, kept = time.monotonic(), 0, True
        try:
            for group, path, cells in wanted:
                with self.files.lease(cells[0].tenant, [path], storage) as local:
                    columns = read_cells(local[path], group, cells)
                size += sum(int(each.estimated_size()) for each in columns.values())
                if not (kept := self.frames.put(columns)):
                    break
        except (OnyxError, NoRoom, OSError) as error:
            kept = False
            logger.warning("not hydrated", tenant=wanted[0][2][0].tenant, reason=str(error))
        except BaseException:  # noqa: BLE001 - an engine's panic is no Exception
            kept = False
            logger.exception("not hydrated", tenant=wanted[0][2][0].tenant)
        finally:
            with self._lock:
                self._coming.difference_update(cell for _, _, cells in wanted for cell in cells)
                if not kept:
                    self._refused[job] = self._now()
                while len(self._refused) > _REMEMBERED:
                    self._refused.popitem(last=False)
        logger.info(
            "hydrated",
            tenant=wanted[0][2][0].tenant,
            files=len(wanted),
            columns=max(len(cells) for _, _, cells in wanted),
            bytes=size,
            kept=kept,
            ms=round((time.monotonic() - began) * 1000),
            held_bytes=self.frames.bytes,
            fetches=self.files.fetches,
            hits=self.files.hits,
        )


@contextmanager
def in_passing(plan: Plan, storage: Mapping[str, str]) -> Iterator[LakeFiles]:
    """The plan's files, copied for this one query."""
    paths = [path for each in plan.tables for path in each.table.files if path.startswith(REMOTE)]
    if not paths:
        yield LakeFiles(storage)
        return
    reader = LakeReader()
    with tempfile.TemporaryDirectory() as folder:
        files = FileCache(Path(folder), sys.maxsize, reader)
        try:
            with files.lease("one", paths, storage) as local:
                yield LakeFiles(storage, local)
        finally:
            files.close()
            reader.close()
