"""Warm worker processes, each with one query at a time, a wall clock and a memory limit that kill.

A query waits for a free worker in a bounded line; a worker that is killed or dies is replaced, and its query
gets a clear error. Nothing of a query outlives its worker's answer.
"""

import queue
import signal
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from multiprocessing import connection, get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Protocol

from services.query_engine.adapters import worker
from services.query_engine.adapters.worker import Failed, Task
from services.query_engine.domain import errors
from services.query_engine.domain.answers import Answer, Limits
from services.query_engine.domain.errors import failure
from services.query_engine.domain.plan import Plan
from shared.errors import OnyxError
from shared.observability import logger
from shared.tenancy import TenantId

_START_SECONDS = 60.0
_RESTART_SECONDS = 1.0
_LOOK_SECONDS = 0.05
_BURIAL_SECONDS = 20.0
"""An aborting process gives back its memory first, which takes its time on a busy machine."""
_RETRY_AFTER_SECONDS = 2
_MIB = 1024 * 1024


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
        memory_mib: int,
        waiting: int,
        storage: Storage,
        target: Callable[..., None] = worker.main,
    ) -> None:
        """`waiting`: queries that may wait for a worker; `storage`: credentials for each query."""
        self._memory = memory_mib * _MIB
        self._waiting = threading.BoundedSemaphore(workers + waiting)
        self._storage = storage
        self._target = target
        self._idle: queue.LifoQueue[_Worker] = queue.LifoQueue()
        self._lock = threading.Lock()
        self._all: set[_Worker] = set()
        self._closed = False
        self._pause = threading.Event()
        started = [_Worker(self._target, self._memory) for _ in range(workers)]
        for each in started:
            self._all.add(each)
            each.wait_ready()
            self._idle.put(each)

    def run(self, tenant: TenantId, plan: Plan, limits: Limits, timeout_seconds: float) -> Answer:
        """The answer of `plan`, run with credentials that open `tenant`'s files only.

        Raises OnyxError: QUERY_BUSY, QUERY_TIMEOUT, QUERY_MEMORY, WORKER_LOST, LAKE_UNAVAILABLE.
        """
        deadline = time.monotonic() + timeout_seconds
        if not self._waiting.acquire(blocking=False):
            raise _busy("Too many queries are waiting")
        try:
            try:
                return self._with_credentials(tenant, plan, limits, deadline, timeout_seconds)
            except OnyxError as error:
                if error.code != errors.LAKE_UNAVAILABLE:
                    raise
            # Credentials may have been revoked under way; what is wrong beyond that is so a second time.
            self._storage.forget(tenant)
            return self._with_credentials(tenant, plan, limits, deadline, timeout_seconds)
        finally:
            self._waiting.release()

    def pids(self) -> list[int]:
        """Of the living workers."""
        with self._lock:
            return [each.pid for each in self._all]

    def close(self) -> None:
        """End every worker now."""
        with self._lock:
            self._closed = True
            gone = list(self._all)
            self._all.clear()
        self._pause.set()
        for each in gone:
            each.kill()

    def _with_credentials(
        self, tenant: TenantId, plan: Plan, limits: Limits, deadline: float, timeout: float
    ) -> Answer:
        task = Task(plan, limits, dict(self._storage.storage_options(tenant)))
        return self._on_a_worker(task, deadline, timeout)

    def _on_a_worker(self, task: Task, deadline: float, timeout: float) -> Answer:
        while True:
            try:
                taken = self._idle.get(timeout=max(deadline - time.monotonic(), 0.001))
            except queue.Empty:
                raise _busy("No worker became free in time") from None
            try:
                answer = taken.run(task, deadline, timeout, self._memory)
            except _Lost as lost:
                self._replace(taken)
                if lost.query_began:
                    raise lost.error from None
                # It died while it was idle, and the query goes to another.
            except BaseException:
                self._replace(taken)
                raise
            else:
                self._idle.put(taken)
                break
        if isinstance(answer, Failed):
            raise failure(answer.code, answer.detail)
        return answer

    def _is_closed(self) -> bool:
        with self._lock:
            return self._closed

    def _replace(self, gone: "_Worker") -> None:
        gone.kill()
        with self._lock:
            self._all.discard(gone)
        threading.Thread(target=self._start_one, name="worker-start", daemon=True).start()

    def _start_one(self) -> None:
        """A fresh worker into the line; tried again as long as the pool is open."""
        while True:
            with self._lock:
                if self._closed:
                    return
                made = _Worker(self._target, self._memory)
                self._all.add(made)
            try:
                made.wait_ready()
            except OnyxError:
                made.kill()
                with self._lock:
                    self._all.discard(made)
                if self._is_closed():
                    return
                logger.exception("a query worker did not start")
                self._pause.wait(_RESTART_SECONDS)
            else:
                self._idle.put(made)
                return


class _Lost(Exception):  # noqa: N818 - it is a verdict on the worker, carrying the query's error
    def __init__(self, error: OnyxError, *, query_began: bool = True) -> None:
        super().__init__(error.detail)
        self.error = error
        self.query_began = query_began


class _Worker:
    """One process and the server's end of its channel."""

    def __init__(self, target: Callable[..., None], memory: int) -> None:
        context: Any = get_context("spawn")
        self._channel: Connection
        self._channel, theirs = context.Pipe()
        self._process = context.Process(
            target=target, args=(theirs, memory), name="query-worker", daemon=True
        )
        self._process.start()
        theirs.close()
        self.pid: int = self._process.pid

    def wait_ready(self) -> None:
        """Raises OnyxError (ENGINE_FAILED) when it does not come up."""
        try:
            if self._channel.poll(_START_SECONDS) and self._channel.recv() == worker.READY:
                return
        except EOFError:
            pass
        raise failure(errors.ENGINE_FAILED, "A query worker does not start")

    def run(self, task: Task, deadline: float, timeout: float, memory: int) -> Answer | Failed:
        """What the worker sends back. Raises _Lost when the process is of no more use."""
        began = False
        try:
            self._channel.send(task)
            while True:
                left = deadline - time.monotonic()
                if left <= 0:
                    detail = (
                        f"The query took more than {timeout:.3g} seconds: narrow it down by date or LIMIT it"
                    )
                    raise _Lost(failure(errors.QUERY_TIMEOUT, detail))
                ready = connection.wait([self._channel, self._process.sentinel], min(left, _LOOK_SECONDS))
                if self._channel in ready:
                    answer: Answer | Failed | str = self._channel.recv()
                    if not isinstance(answer, str):
                        return answer
                    began = answer == worker.STARTED
                elif ready:
                    raise _Lost(self._obituary(), query_began=began)
                if _resident(self.pid) > memory:
                    raise _Lost(_out_of_memory(memory))
        except (EOFError, OSError):
            # The channel broke: the process is ending, and its exit code tells why.
            raise _Lost(self._obituary(), query_began=began) from None

    def kill(self) -> None:
        with suppress(OSError, ValueError):
            self._process.kill()
        self._process.join(5.0)
        with suppress(OSError):
            self._channel.close()

    def _obituary(self) -> OnyxError:
        # Its files are closed before it has an exit code.
        self._process.join(_BURIAL_SECONDS)
        if self._process.exitcode in _ABORTED:
            return failure(errors.QUERY_MEMORY, "The query needs more memory than it may have")
        return failure(
            errors.WORKER_LOST, "The process that ran the query ended: send the query again", retry_after=1
        )


def _out_of_memory(memory: int) -> OnyxError:
    return failure(
        errors.QUERY_MEMORY,
        f"The query needs more than {memory // _MIB} MiB of memory: aggregate or narrow it down",
    )


def _busy(detail: str) -> OnyxError:
    return failure(errors.QUERY_BUSY, f"{detail}: try again in a moment", retry_after=_RETRY_AFTER_SECONDS)


# How the engine ends when an allocation fails.
_ABORTED = tuple(
    -each for each in (signal.SIGABRT, signal.SIGILL, signal.SIGTRAP, signal.SIGSEGV, signal.SIGBUS)
)
_PAGE = 4096


def _resident(pid: int) -> int:
    """Bytes of memory that the process holds, or 0 where the system does not say (not Linux)."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    except (OSError, IndexError, ValueError):
        return 0
