"""The emulator's state on disk: whole generations, each one instant.

The emulator keeps all but S3 bodies in memory and saves only on a graceful stop. Here the process
forks on the event loop's thread: the child holds a frozen copy of one instant, writes it into a
new folder and renames it; the parent pauses for the fork only. A start reads the newest folder.
"""

import asyncio
import gc
import json
import logging
import os
import shutil
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from infra.local.processes import die_with

logger = logging.getLogger("onyx.snapshots")

StateGetters = Mapping[str, Callable[[], Any]]
_KEPT = 3
_CHILD_DEADLINE = 60.0
_IDLE_INTERVAL = 60.0


class Snapshotter:
    """Writes and reads the generations in `folder`.

    `states` yields {service: get_state}; `encode` turns (service, state) into text and `decode`
    text into the state; `settled` is False while no instant should be kept (a stack in mid-change
    could not be updated after a restart).
    """

    def __init__(
        self,
        folder: Path,
        *,
        states: Callable[[], StateGetters],
        encode: Callable[[str, Any], str],
        decode: Callable[[str, str], Any],
        settled: Callable[[], bool] = lambda: True,
        interval: float = 2.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._states = states
        self._encode = encode
        self._decode = decode
        self._settled = settled
        self._interval = interval
        self._clock = clock
        self._dirty = False
        self._last = clock()
        self._cost = 0.0
        self._busy = asyncio.Lock()
        self.last_error: str | None = None
        self.taken = 0

    # -- reading

    def newest(self) -> Path | None:
        return max((path for path in self._folder.glob("[0-9]*") if path.is_dir()), default=None)

    def load(self, service: str) -> Any:
        """The saved state of `service`, or None where there is none."""
        generation = self.newest()
        path = generation / f"{service}.json" if generation else None
        return self._decode(service, path.read_text()) if path and path.is_file() else None

    # -- writing

    def touch(self) -> None:
        """Something may have changed since the last snapshot."""
        self._dirty = True

    def write(self) -> Path:
        """Write the state of this instant, in this process. Any failure leaves the last generation."""
        draft = self._folder / f".draft-{os.getpid()}"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        for service, get_state in self._states().items():
            if (state := get_state()) is not None:
                (draft / f"{service}.json").write_text(self._encode(service, state))
        final = self._folder / f"{time.time_ns():020d}"
        draft.replace(final)
        for old in sorted(self._folder.glob("[0-9]*"))[:-_KEPT]:
            shutil.rmtree(old, ignore_errors=True)
        return final

    async def take(self) -> bool:
        """Fork and wait for the child; whether a generation was written. For the loop's thread only."""
        async with self._busy:
            self._dirty = False
            began = self._clock()
            child = self._fork()
            status = await self._reap(child, began)
            self._last = self._clock()
            self._cost = self._last - began
            if status == 0:
                self.taken += 1
                self.last_error = None
                return True
            self._dirty = True
            self.last_error = f"the last snapshot failed with status {status}; see the emulator's log"
            logger.error(self.last_error)
            return False

    async def run(self) -> None:
        """Take snapshots for ever, each when it is due."""
        while True:
            await asyncio.sleep(0.2)
            if self.due():
                await self.take()

    def due(self) -> bool:
        """Soon after a change, seldom when idle, never for more than a tenth of the time."""
        pause = max(self._interval, 10 * self._cost)
        waited = self._clock() - self._last
        wanted = waited >= pause if self._dirty else waited >= max(pause, _IDLE_INTERVAL)
        return wanted and self._settled()

    def _fork(self) -> int:
        parent = os.getpid()
        bind = die_with(parent)
        child = os.fork()
        if child:
            return child
        # In the child: nothing below may touch the loop, a socket or a lock of another thread.
        code = 1
        try:
            gc.disable()  # a collected socket object would close a number that is ours by then
            signal.set_wakeup_fd(-1)  # the loop's pipe, whose number may be a file's by then
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            bind()
            os.closerange(3, os.sysconf("SC_OPEN_MAX"))  # the listening socket and the workers' pipes
            self.write()
            code = 0
        except BaseException:
            logger.exception("snapshot failed")
        finally:
            os._exit(code)

    async def _reap(self, child: int, began: float) -> int:
        while True:
            pid, status = os.waitpid(child, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
            if self._clock() - began > _CHILD_DEADLINE:
                os.kill(child, signal.SIGKILL)
            await asyncio.sleep(0.005)


def clear_drafts(folder: Path) -> None:
    """Remove what an interrupted snapshot left."""
    for draft in folder.glob(".draft-*"):
        shutil.rmtree(draft, ignore_errors=True)


def prune_code(generations: Path, blobs: Path) -> None:
    """Remove function code that no generation refers to. For a start: nothing writes code then."""
    states = [path.read_text() for path in generations.glob("[0-9]*/lambda.json")]
    for blob in blobs.glob("*.zip"):
        if not any(blob.stem in state for state in states):
            blob.unlink()


def wrap(version: int, state: Any, default: Callable[[Any], Any]) -> str:
    """The emulator's own file format: a version and the payload."""
    return json.dumps({"__ministack_format__": version, "payload": state}, default=default)


def unwrap(text: str, version: int, hook: Callable[[dict[str, Any]], Any]) -> Any:
    """The payload of a file in the emulator's format. Raises ValueError for a newer version."""
    found = json.loads(text, object_hook=hook)
    if found["__ministack_format__"] > version:
        raise ValueError("the state was written by a newer emulator; use that one or remove the state")
    return found["payload"]
