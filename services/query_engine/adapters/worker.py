"""The worker process: one query at a time, within its memory, with no credentials of its own.

It is started by `spawn`, so it holds nothing of the server's. It ends when the server does.
"""

import os
import resource
import signal
import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing import connection, parent_process
from multiprocessing.connection import Connection

from services.query_engine.domain import errors
from services.query_engine.domain.answers import Answer, Limits
from services.query_engine.domain.plan import Plan
from shared.errors import OnyxError

READY = "ready"
STARTED = "started"
"""Sent when a task has arrived: a worker that is gone before that has lost no query."""
_AWS = "AWS_"


@dataclass(frozen=True)
class Task:
    """What a worker is sent. `storage` are credentials that open the files of the query's tenant only."""

    plan: Plan
    limits: Limits
    storage: Mapping[str, str]


@dataclass(frozen=True)
class Failed:
    """What a worker sends back instead of an Answer."""

    code: str
    detail: str


def main(channel: Connection, memory_bytes: int) -> None:
    """Serve tasks from `channel` until it closes."""
    _end_with_parent()
    # The server decides when a worker ends: a query in flight outlives the signal that asks it to stop.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _forget_credentials()
    from services.query_engine.adapters.engines import run

    _limit_memory(memory_bytes)
    channel.send(READY)
    while True:
        try:
            task: Task = channel.recv()
        except EOFError:
            return
        channel.send(STARTED)
        channel.send(_answered(task, run))
        del task


def _answered(task: Task, run: Callable[[Plan, Limits, Mapping[str, str]], Answer]) -> Answer | Failed:
    try:
        return run(task.plan, task.limits, task.storage)
    except OnyxError as error:
        return Failed(error.code, error.detail)
    except MemoryError:
        return Failed(errors.QUERY_MEMORY, "The query needs more memory than it may have")
    except BaseException as error:
        if isinstance(error, SystemExit | KeyboardInterrupt):
            raise
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
