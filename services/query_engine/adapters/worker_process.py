"""The server's end of one worker: its process, its channel, and the queries that wait for it."""

import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import connection, get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from services.query_engine.adapters import worker
from services.query_engine.adapters.worker import Cancel, Done, Failed, Size, Started, Task
from services.query_engine.domain import errors
from services.query_engine.domain.answers import Answer
from services.query_engine.domain.errors import failure
from shared.errors import OnyxError

_START_SECONDS = 60.0
_LOOK_SECONDS = 0.05
_GRACE_SECONDS = 0.3
"""For a query that was told to end, before its worker is ended: what can be interrupted is by then."""
_BURIAL_SECONDS = 20.0
"""An aborting process gives back its memory first, which takes its time on a busy machine."""
_MIB = 1024 * 1024
_PAGE = 4096

# How the engine ends when an allocation fails.
_ABORTED = tuple(
    -each for each in (signal.SIGABRT, signal.SIGILL, signal.SIGTRAP, signal.SIGSEGV, signal.SIGBUS)
)


class Lost(Exception):  # noqa: N818 - it is a verdict on the worker, carrying the query's error
    """The worker ended under a query. `began`: whether the query had reached it; `suspect`: whether the query
    may have ended it; `alone`: whether it was the only one there."""

    def __init__(self, error: OnyxError, *, began: bool, suspect: bool, alone: bool) -> None:
        super().__init__(error.detail)
        self.error = error
        self.began = began
        self.suspect = suspect
        self.alone = alone


@dataclass
class _Asked:
    future: "Future[Answer | Failed]" = field(default_factory=Future)
    began: bool = False


class WorkerProcess:
    """One process. Safe to call from many threads."""

    def __init__(
        self,
        target: Callable[..., None],
        size: Size,
        on_end: Callable[["WorkerProcess"], None] = lambda _: None,
    ) -> None:
        """`on_end` is called once the process is gone, from a thread of this."""
        context: Any = get_context("spawn")
        self._memory = size.memory
        self._on_end = on_end
        self._channel: Connection
        self._channel, theirs = context.Pipe()
        self._process = context.Process(target=target, args=(theirs, size), name="query-worker", daemon=True)
        self._process.start()
        theirs.close()
        self.pid: int = self._process.pid
        self._lock = threading.Lock()
        self._sending = threading.Lock()
        self._asked: dict[int, _Asked] = {}
        self._ready = threading.Event()
        self._ended = threading.Event()
        self._why: OnyxError | None = None
        self._by_a_query = False
        self._told, self._tell = context.Pipe(duplex=False)
        self._thread = threading.Thread(target=self._listen, name="worker-listen", daemon=True)
        self._thread.start()

    @property
    def ended(self) -> bool:
        return self._ended.is_set()

    def wait_ready(self) -> None:
        """Raises OnyxError (ENGINE_FAILED) when it does not come up."""
        deadline = time.monotonic() + _START_SECONDS
        while not self._ready.wait(_LOOK_SECONDS):
            if self.ended or time.monotonic() > deadline:
                raise failure(errors.ENGINE_FAILED, "A query worker does not start")

    def ask(
        self, task: Task, deadline: float, timeout: float, stop: threading.Event | None = None
    ) -> Answer | Failed:
        """What the worker makes of `task`. Raises Lost, or OnyxError: QUERY_TIMEOUT, QUERY_CANCELLED.

        A query that has to end and does not ends its worker.
        """
        future = self._send_task(task)
        while True:
            with suppress(TimeoutError):
                left = max(deadline - time.monotonic(), 0)
                return future.result(min(left, _LOOK_SECONDS) if stop else left)
            if stop is not None and stop.is_set():
                error = failure(errors.QUERY_CANCELLED, "The query was cancelled")
                break
            if time.monotonic() >= deadline:
                detail = f"The query took more than {timeout:.3g} seconds: narrow it down by date or LIMIT it"
                error = failure(errors.QUERY_TIMEOUT, detail)
                break
        self.tell(Cancel(task.number))
        try:
            future.result(_GRACE_SECONDS)
        except Lost:
            pass
        except TimeoutError:
            with self._lock:
                self._by_a_query = True
            self.kill()
        raise error

    def tell(self, message: object) -> None:
        """Send what has no answer. A worker that is gone does not hear it."""
        with suppress(OSError, ValueError), self._sending:
            self._channel.send(message)

    def kill(self, why: OnyxError | None = None) -> None:
        """End the process; queries that wait for it are lost because of `why`. Returns once it is gone."""
        with self._lock:
            self._why = self._why or why
        with suppress(OSError, ValueError):
            self._process.kill()
        if threading.current_thread() is not self._thread:
            self._ended.wait(_BURIAL_SECONDS)

    # --- the queries ---

    def _send_task(self, task: Task) -> "Future[Answer | Failed]":
        asked = _Asked()
        with self._lock:
            if self.ended:
                raise Lost(_lost(), began=False, suspect=False, alone=False)
            self._asked[task.number] = asked
        with suppress(OSError, ValueError), self._sending:
            self._channel.send(task)
        # The listener sleeps as long as nobody asks.
        with suppress(OSError, ValueError):
            self._tell.send(None)
        return asked.future

    def _listen(self) -> None:
        try:
            while True:
                with self._lock:
                    busy = bool(self._asked)
                ready = connection.wait(
                    [self._channel, self._told, self._process.sentinel], _LOOK_SECONDS if busy else None
                )
                if self._told in ready:
                    self._told.recv()
                if self._channel in ready:
                    self._hear(self._channel.recv())
                elif self._process.sentinel in ready:
                    break
                if busy and _resident(self.pid) > self._memory:
                    self.kill(_out_of_memory(self._memory))
        except (EOFError, OSError):
            pass  # The channel broke: the process is ending, and its exit code tells why.
        self._bury()

    def _hear(self, message: object) -> None:
        match message:
            case worker.READY:
                self._ready.set()
            case Started():
                with self._lock:
                    if asked := self._asked.get(message.number):
                        asked.began = True
            case Done():
                with self._lock:
                    done = self._asked.pop(message.number, None)
                if done:
                    done.future.set_result(message.answer)

    def _bury(self) -> None:
        # Its files are closed before it has an exit code.
        self._process.join(_BURIAL_SECONDS)
        with suppress(OSError, ValueError):
            self._process.kill()
        with self._lock:
            why = self._why or self._obituary()
            suspect = not self._by_a_query
            left = list(self._asked.values())
            self._asked.clear()
            self._ended.set()
        for each in left:
            each.future.set_exception(Lost(why, began=each.began, suspect=suspect, alone=len(left) == 1))
        with self._sending:
            for end in (self._channel, self._told, self._tell):
                end.close()
        self._on_end(self)

    def _obituary(self) -> OnyxError:
        if self._process.exitcode in _ABORTED:
            return failure(errors.QUERY_MEMORY, "The query needs more memory than it may have")
        return _lost()


def _lost() -> OnyxError:
    return failure(
        errors.WORKER_LOST, "The process that ran the query ended: send the query again", retry_after=1
    )


def _out_of_memory(memory: int) -> OnyxError:
    return failure(
        errors.QUERY_MEMORY,
        f"The query needs more than {memory // _MIB} MiB of memory: aggregate or narrow it down",
    )


def _resident(pid: int) -> int:
    """Bytes of memory that the process holds, or 0 where the system does not say (not Linux)."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    except (OSError, IndexError, ValueError):
        return 0
