"""A process that is kept running: started, watched, restarted with back-off, stopped."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.local.processes import die_with, signal_group, started_at

_FIRST_DELAY = 0.2
_LONGEST_DELAY = 30.0
_STEADY = 30.0  # after this long alive, a failure counts as the first
_LOG_LIMIT = 50_000_000


@dataclass(frozen=True)
class Command:
    """What to execute. `prepare` yields the environment at each start (secrets may have changed)."""

    arguments: list[str]
    directory: str
    prepare: Callable[[], Mapping[str, str]]
    stop_timeout: float


class Child:
    """One process under supervision. For a single thread: the main one (see processes.die_with)."""

    def __init__(
        self, name: str, command: Command, log: Path, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.name = name
        self.command = command
        self.restarts = 0
        self.last_exit: int | None = None
        self.last_error: str | None = None
        self._log = log
        self._clock = clock
        self._process: subprocess.Popen[bytes] | None = None
        self._failures = 0
        self._started = 0.0
        self._retry_at = 0.0
        self._stop_by: float | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def running(self) -> bool:
        return self._process is not None

    @property
    def uptime(self) -> float:
        return self._clock() - self._started if self._process else 0.0

    @property
    def settled(self) -> bool:
        """Neither failing nor waiting for its next start."""
        return self.running and self._failures == 0

    def tick(self) -> bool:
        """Notice an exit, start again when it is time; True when the process changed."""
        if self._process is not None:
            code = self._process.poll()
            if code is None:
                if self._failures and self.uptime > _STEADY:
                    self._failures = 0
                return False
            self._gone(code)
            return True
        if self._stop_by is None and self._clock() >= self._retry_at:
            self._start()
            return True
        return False

    def _start(self) -> None:
        try:
            variables = dict(self.command.prepare())
            self._log.parent.mkdir(parents=True, exist_ok=True)
            _rotate(self._log)
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(
                    self.command.arguments,
                    cwd=self.command.directory,
                    env=variables,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    preexec_fn=die_with(os.getpid()),
                )
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this child's, and is shown and retried
            self.restarts += 1
            self._failed(f"cannot start: {error}")
            return
        self._started = self._clock()

    def _gone(self, code: int) -> None:
        assert self._process is not None  # noqa: S101
        signal_group(self._process.pid, signal.SIGKILL)  # what it left of its own children
        if self.uptime > _STEADY:
            self._failures = 0
        self._process = None
        self.last_exit = code
        if self._stop_by is None:
            self.restarts += 1
            self._failed(f"exited with {code}")

    def _failed(self, error: str) -> None:
        self.last_error = error
        delay = min(_LONGEST_DELAY, _FIRST_DELAY * 2.0**self._failures)
        self._failures += 1
        self._retry_at = self._clock() + delay
        with self._log.open("a") as log:
            log.write(f"[onyx] {self.name} {error}; next start in {delay:.1f} s\n")

    def begin_stop(self) -> None:
        """Ask it to end (SIGTERM); `finish_stop` follows."""
        if self._stop_by is None:
            self._stop_by = self._clock() + self.command.stop_timeout
            if self._process is not None:
                self._process.terminate()

    def finish_stop(self) -> bool:
        """Whether it is gone; killed with its whole group once its time is over."""
        if self._process is None:
            return True
        code = self._process.poll()
        if code is None and self._clock() >= (self._stop_by or 0.0):
            signal_group(self._process.pid, signal.SIGKILL)
            code = self._process.wait()
        if code is None:
            return False
        self._gone(code)
        return True

    def describe(self) -> dict[str, Any]:
        return {
            "pid": self.pid,
            "started": started_at(self.pid) if self.pid else None,
            "uptime": round(self.uptime, 1),
            "restarts": self.restarts,
            "last_error": self.last_error,
        }


def stop_all(children: list[Child], pause: Callable[[float], None] = time.sleep) -> None:
    """Stop all of them at once, each within its own time."""
    for child in children:
        child.begin_stop()
    while waiting := [child for child in children if not child.finish_stop()]:
        children = waiting
        pause(0.02)


def _rotate(log: Path) -> None:
    if log.exists() and log.stat().st_size > _LOG_LIMIT:
        log.replace(log.with_suffix(".log.1"))
