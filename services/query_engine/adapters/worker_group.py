"""The worker of a group of tenants: asked, replaced when it is gone, and asked again by those who lost it."""

import threading
import time
from collections.abc import Callable

from services.query_engine.adapters.slots import Slots
from services.query_engine.adapters.worker import Failed, Task
from services.query_engine.adapters.worker_process import Lost, WorkerProcess
from services.query_engine.domain import errors
from services.query_engine.domain.answers import Answer
from services.query_engine.domain.errors import failure
from shared.errors import OnyxError
from shared.observability import logger

_RESTART_SECONDS = 1.0
_RETRY_AFTER_SECONDS = 2


class WorkerGroup:
    """Safe to call from many threads."""

    def __init__(
        self,
        make: Callable[[Callable[[WorkerProcess], None]], WorkerProcess],
        threads: int,
        replaced: Callable[[], None] = lambda: None,
    ) -> None:
        """`make` is given what is to be called when the process is gone; `threads`: queries at once;
        `replaced` is called when a fresh worker is up, which holds nothing."""
        self._make = make
        self._replaced = replaced
        self._slots = Slots(threads)
        self._changed = threading.Condition()
        self._worker: WorkerProcess | None = make(self._replace)
        self._starting: WorkerProcess | None = None
        self._closed = threading.Event()

    def wait_ready(self) -> None:
        worker = self._worker
        if worker is not None:
            worker.wait_ready()

    @property
    def up(self) -> bool:
        """Whether its worker is there now, and no other is on its way."""
        with self._changed:
            return self._worker is not None

    def pids(self) -> list[int]:
        with self._changed:
            return [each.pid for each in (self._worker, self._starting) if each and not each.ended]

    def run(
        self, task: Task, deadline: float, timeout: float, stop: threading.Event | None
    ) -> Answer | Failed:
        """What the worker makes of `task`. Queries only read, so one that lost its worker is sent once more.

        A worker that ended by itself may have been ended by any of its queries: each then runs alone, and
        who loses a worker alone is to blame. Raises OnyxError.
        """
        again = alone = False
        while True:
            with self._slots.taken(deadline, alone=alone) as got:
                worker = self._current(deadline) if got else None
                if worker is None:
                    raise _busy()
                try:
                    return worker.ask(task, deadline, timeout, stop)
                except Lost as error:
                    lost = error
                    self._replace(worker)
            if lost.began:
                if again or (lost.suspect and lost.alone):
                    raise lost.error from None
                again, alone = True, lost.suspect

    def tell(self, message: object) -> None:
        """To the worker, if there is one now."""
        with self._changed:
            worker = self._worker
        if worker is not None:
            worker.tell(message)

    def close(self) -> None:
        self._closed.set()
        with self._changed:
            gone = [each for each in (self._worker, self._starting) if each]
            self._worker = None
            self._changed.notify_all()
        for each in gone:
            each.kill()

    def _current(self, deadline: float) -> WorkerProcess | None:
        with self._changed:
            self._changed.wait_for(
                lambda: self._worker is not None or self._closed.is_set(),
                max(deadline - time.monotonic(), 0.001),
            )
            return self._worker

    def _replace(self, gone: WorkerProcess) -> None:
        with self._changed:
            if self._worker is not gone:
                return
            self._worker = None
        threading.Thread(target=self._start, name="worker-start", daemon=True).start()

    def _start(self) -> None:
        """A fresh worker; tried again as long as the group is open."""
        while True:
            with self._changed:
                if self._closed.is_set():
                    return
                made = self._starting = self._make(self._replace)
            try:
                made.wait_ready()
            except OnyxError:
                made.kill()
                if self._closed.is_set():
                    return
                logger.exception("a query worker did not start")
                self._closed.wait(_RESTART_SECONDS)
                continue
            with self._changed:
                self._starting = None
                if not self._closed.is_set():
                    self._worker = made
                self._changed.notify_all()
            if self._closed.is_set():
                made.kill()
            else:
                logger.info("a query worker was replaced")
                self._replaced()
            return


def _busy() -> OnyxError:
    return failure(
        errors.QUERY_BUSY,
        "No worker became free in time: try again in a moment",
        retry_after=_RETRY_AFTER_SECONDS,
    )
