"""Worker processes, each for a group of tenants whose files and columns it holds.

A tenant's queries go to the same worker as long as it is idle, and to another idle one while it is not: in
one process Polars lets a long query hold up a short one, so queries share a worker only where all are busy.
What a worker is asked often it holds, so a busy tenant's columns come to lie in several. Killing a worker
harms the queries in it and no other. Nothing of a query outlives its answer but what its worker read.
"""

import hashlib
import itertools
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from services.query_engine.adapters import worker
from services.query_engine.adapters.worker import Failed, Size, Task, Warm
from services.query_engine.adapters.worker_group import WorkerGroup
from services.query_engine.adapters.worker_process import WorkerProcess
from services.query_engine.domain import errors
from services.query_engine.domain.answers import Answer, Limits
from services.query_engine.domain.errors import failure
from services.query_engine.domain.plan import Plan
from services.query_engine.domain.tables import Table
from shared.errors import OnyxError
from shared.observability import logger
from shared.tenancy import TenantId

SERVED_SECONDS = 3600.0
"""How long after its last query a tenant counts as one that is served."""
_RETRY_AFTER_SECONDS = 2
_BESIDE = frozenset({"facts", "residency"})
"""What is asked of a worker beside its queries, and keeps no other from it: `footers`, `residency`."""


class Storage(Protocol):
    """Hands out what a query's worker needs to open the tenant's files, and nobody else's."""

    def storage_options(self, tenant: TenantId) -> Mapping[str, str]: ...

    def forget(self, tenant: TenantId) -> None:
        """Hand out fresh ones next time."""
        ...


class WorkerPool:
    """An engine whose queries run in processes of their own. Safe to call from many threads."""

    name = "polars"

    def __init__(
        self,
        *,
        workers: int,
        size: Size,
        waiting: int,
        storage: Storage,
        target: Callable[..., None] = worker.main,
    ) -> None:
        """`size` is of each worker, its folder the one in which each has its own; `waiting`: queries that may
        wait for a worker; `storage`: credentials for each query."""
        self._waiting = threading.BoundedSemaphore(workers * size.threads + waiting)
        self._storage = storage
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        """A worker has a query less, or is up again."""
        self._closed = False
        self._served: dict[TenantId, float] = {}
        self._load = [0] * workers
        self._warm: dict[TenantId, tuple[tuple[Table, ...], frozenset[str]]] = {}
        self._groups: list[WorkerGroup] = []
        self._take_over(size.folder, workers)
        for number in range(workers):
            own = replace(size, folder=size.folder / f"worker-{number}")
            self._groups.append(
                WorkerGroup(
                    lambda on_end, own=own: WorkerProcess(target, own, on_end),  # type: ignore[misc]
                    size.threads,
                    lambda number=number: self._warm_again(number),  # type: ignore[misc]
                )
            )
        for each in self._groups:
            each.wait_ready()

    def run(
        self,
        tenant: TenantId,
        plan: Plan,
        limits: Limits,
        timeout_seconds: float,
        stop: threading.Event | None = None,
    ) -> Answer:
        """The answer of `plan`, run with credentials that open `tenant`'s files only; `stop` ends it at once.

        Raises OnyxError: QUERY_BUSY, QUERY_TIMEOUT, QUERY_MEMORY, QUERY_CANCELLED, WORKER_LOST,
        LAKE_UNAVAILABLE.
        """
        deadline = time.monotonic() + timeout_seconds
        if not self._waiting.acquire(blocking=False):
            raise failure(
                errors.QUERY_BUSY,
                "Too many queries are waiting: try again in a moment",
                retry_after=_RETRY_AFTER_SECONDS,
            )
        try:
            with self._lock:
                self._served[tenant] = time.monotonic()
            answer = self._run(tenant, plan, limits, deadline, timeout_seconds, stop)
            if isinstance(answer, Failed) and answer.code == errors.LAKE_UNAVAILABLE:
                # Credentials may have been revoked under way; what is wrong beyond that is so a second time.
                self._storage.forget(tenant)
                answer = self._run(tenant, plan, limits, deadline, timeout_seconds, stop)
        finally:
            self._waiting.release()
        if isinstance(answer, Failed):
            raise failure(answer.code, answer.detail)
        return answer

    def warm(self, tenant: TenantId, tables: Sequence[Table], bound: frozenset[str]) -> None:
        """Let the tenant's worker bring in what is asked for of `tables`; `bound` are all files that are
        published now. A worker that takes its place is told as well. Raises OnyxError (LAKE_UNAVAILABLE)."""
        with self._lock:
            self._warm[tenant] = (tuple(tables), bound)
        storage = dict(self._storage.storage_options(tenant))
        self._groups[self.order(tenant)[0]].tell(Warm(tenant, tuple(tables), bound, storage))

    def served(self) -> list[TenantId]:
        """Tenants that asked something lately."""
        since = time.monotonic() - SERVED_SECONDS
        with self._lock:
            for tenant in [tenant for tenant, last in self._served.items() if last < since]:
                del self._served[tenant]
                self._warm.pop(tenant, None)
            return list(self._served)

    def order(self, tenant: TenantId) -> list[int]:
        """The numbers of the workers in the tenant's order, its own first: whatever the other tenants are."""

        def weight(number: int) -> bytes:
            return hashlib.sha256(f"{tenant}#{number}".encode()).digest()

        return sorted(range(len(self._load)), key=weight)

    def pids(self) -> list[int]:
        """Of the living workers, in the order of their numbers."""
        return [pid for each in self._groups for pid in each.pids()]

    def close(self) -> None:
        """End every worker now."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for each in self._groups:
            each.close()

    def _take_over(self, folder: Path, workers: int) -> None:
        """Tenants of whom an earlier server left copies count as served."""
        for each in folder.glob("worker-*"):
            if each.name not in {f"worker-{number}" for number in range(workers)}:
                shutil.rmtree(each, ignore_errors=True)
                continue
            for own in each.iterdir():
                if any(own.glob("*.parquet")):
                    self._served[TenantId(own.name)] = time.monotonic()

    @contextmanager
    def _chosen(self, tenant: TenantId, plan: Plan, deadline: float) -> Iterator[WorkerGroup]:
        """The first worker in the tenant's order that is idle, else the one with the fewest queries.

        One that is being replaced is idle, and waited for, unless another becomes idle before: it takes
        seconds. Beside a long query another is not answered before that ends, however long it takes.
        """
        weight = plan.engine not in _BESIDE
        with self._changed:
            number = self._best(tenant, weight)
            self._load[number] += weight
            while weight and not self._groups[number].up and not self._closed:
                if not self._changed.wait(max(deadline - time.monotonic(), 0)):
                    break
                self._load[number] -= weight
                number = self._best(tenant, weight)
                self._load[number] += weight
        try:
            yield self._groups[number]
        finally:
            with self._changed:
                self._load[number] -= weight
                self._changed.notify_all()

    def _best(self, tenant: TenantId, weight: bool) -> int:
        up = [group.up for group in self._groups]
        return min(
            self.order(tenant),
            key=lambda each: (self._load[each], not up[each]) if weight else (not up[each], self._load[each]),
        )

    def _run(
        self,
        tenant: TenantId,
        plan: Plan,
        limits: Limits,
        deadline: float,
        timeout: float,
        stop: threading.Event | None,
    ) -> Answer | Failed:
        storage = dict(self._storage.storage_options(tenant))
        task = Task(next(self._numbers), tenant, _to_send(plan), limits, storage)
        with self._chosen(tenant, plan, deadline) as group:
            return group.run(task, deadline, timeout, stop)

    def _warm_again(self, number: int) -> None:
        with self._changed:
            self._changed.notify_all()
            warm = {tenant: each for tenant, each in self._warm.items() if self.order(tenant)[0] == number}
        for tenant, (tables, bound) in warm.items():
            try:
                self.warm(tenant, tables, bound)
            except OnyxError as error:
                logger.warning("not hydrated", tenant=tenant, reason=error.detail)


def _to_send(plan: Plan) -> Plan:
    """What a worker needs of a plan. Versions are for Athena; of a hundred bills they take 14 ms to send."""
    tables = (replace(each, table=replace(each.table, versions=())) for each in plan.tables)
    return replace(plan, tables=tuple(tables))
