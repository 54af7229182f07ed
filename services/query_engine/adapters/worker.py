"""The worker process: the queries of a group of tenants, within its memory, with no credentials of its own.

It is started by `spawn`, so it holds nothing of the server's. It ends when the server does. Polars cannot be
told to stop, so a query that must end takes the process with it: see `worker_pool`.
"""

import os
import resource
import signal
import threading
import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing import connection, parent_process
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

from services.query_engine.adapters.stop import Stop
from services.query_engine.domain import errors
from services.query_engine.domain.answers import Answer, Limits
from services.query_engine.domain.plan import Plan
from services.query_engine.domain.tables import Table
from shared.errors import OnyxError
from shared.observability import logger

if TYPE_CHECKING:
    from services.query_engine.adapters.hydration import Hydration

READY = "ready"
_AWS = "AWS_"


@dataclass(frozen=True)
class Size:
    """Of a worker: bytes that the process may hold, queries at once, bytes of columns in memory, bytes of
    files in `folder`, which is its own."""

    memory: int
    threads: int
    frames: int
    files: int
    folder: Path


@dataclass(frozen=True)
class Task:
    """A query. `storage` are credentials that open the files of its tenant only."""

    number: int
    tenant: str
    plan: Plan
    limits: Limits
    storage: Mapping[str, str]


@dataclass(frozen=True)
class Cancel:
    """The query of that number is not wanted any more."""

    number: int


@dataclass(frozen=True)
class Warm:
    """Bring in what is asked for of `tables`; `bound` are all files of the tenant that are published now."""

    tenant: str
    tables: tuple[Table, ...]
    bound: frozenset[str]
    storage: Mapping[str, str]


@dataclass(frozen=True)
class Started:
    """Sent when a query has arrived: a worker that is gone before that has lost none."""

    number: int


@dataclass(frozen=True)
class Failed:
    """What came of a query instead of an Answer."""

    code: str
    detail: str


@dataclass(frozen=True)
class Done:
    number: int
    answer: Answer | Failed


def main(channel: Connection, size: Size) -> None:
    """Serve tasks from `channel` until it closes."""
    _end_with_parent()
    # The server decides when a worker ends: a query in flight outlives the signal that asks it to stop.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _forget_credentials()
    # A panic is caught, and told in a line: its stack, of Rust's frames, would fill the server's log.
    os.environ["RUST_BACKTRACE"] = "0"
    from services.query_engine.adapters import engines
    from services.query_engine.adapters.file_cache import FileCache
    from services.query_engine.adapters.frames import FrameStore
    from services.query_engine.adapters.hydration import Hydration
    from services.query_engine.adapters.lake_reader import LakeReader

    _limit_memory(size.memory)
    hydration = Hydration(FileCache(size.folder, size.files, LakeReader()), FrameStore(size.frames))

    def run(task: Task, stop: Stop) -> Answer:
        return engines.run(
            task.plan, task.limits, task.storage, tenant=task.tenant, hydration=hydration, stop=stop
        )

    _Served(channel, size.threads, run, hydration).forever()


class _Served:
    """The messages of the server, each in its turn; queries in threads."""

    def __init__(
        self,
        channel: Connection,
        threads: int,
        run: Callable[[Task, Stop], Answer],
        hydration: "Hydration",
    ) -> None:
        self._channel = channel
        self._run = run
        self._hydration = hydration
        self._sending = threading.Lock()
        self._stops: dict[int, Stop] = {}
        self._queries = ThreadPoolExecutor(threads, "query")

    def forever(self) -> None:
        self._send(READY)
        while True:
            try:
                message = self._channel.recv()
            except EOFError:
                # Nobody waits for what still runs.
                os._exit(0)
            match message:
                case Task():
                    self._send(Started(message.number))
                    self._stops[message.number] = Stop()
                    self._queries.submit(self._serve, message)
                case Cancel():
                    if stop := self._stops.get(message.number):
                        stop.set()
                case Warm():
                    self._warm(message)

    def _serve(self, task: Task) -> None:
        answer = answered(task, self._stops[task.number], self._run)
        del self._stops[task.number]
        self._send(Done(task.number, answer))

    def _warm(self, message: Warm) -> None:
        try:
            self._hydration.warm(message.tenant, message.tables, message.bound, message.storage)
        except Exception:  # noqa: BLE001 - queries go on without
            logger.exception("not hydrated", tenant=message.tenant)

    def _send(self, message: object) -> None:
        try:
            with self._sending:
                self._channel.send(message)
        except OSError:
            os._exit(0)


def answered(task: Task, stop: Stop, run: Callable[[Task, Stop], Answer]) -> Answer | Failed:
    """What comes of a task, whatever happens."""
    try:
        return run(task, stop)
    except OnyxError as error:
        return Failed(error.code, error.detail)
    except MemoryError:
        return Failed(errors.QUERY_MEMORY, "The query needs more memory than it may have")
    except BaseException as error:  # noqa: BLE001 - an engine's panic is no Exception
        # The caller learns the kind; why stands in the server's log, where this process writes.
        traceback.print_exception(error)
        return Failed(errors.ENGINE_FAILED, f"The engine failed on this query ({type(error).__name__})")


def _end_with_parent() -> None:
    """Leave as soon as the server is gone, in the middle of a query too."""
    parent = parent_process()
    if parent is None:
        return

    def watch() -> None:
        connection.wait([parent.sentinel])
        os._exit(0)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()


def _forget_credentials() -> None:
    """What a query may read comes with its task; the process itself can reach nothing."""
    for name in list(os.environ):
        if name.startswith(_AWS):
            del os.environ[name]
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"


def _limit_memory(memory_bytes: int) -> None:
    """A hard stop above the limit that the server watches: an allocation beyond it ends the process."""
    hard = memory_bytes + memory_bytes // 2
    resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))
    # No core file of a process that held a tenant's rows.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
