"""Starting, recognizing and ending processes without ever leaving one behind.

Three nets. A child dies with its parent (Linux: PR_SET_PDEATHSIG), even after `kill -9` of the
parent. A child leads its own group, so that its own children end with it. And every process of a
platform carries a mark in its environment, by which `up` and `down` find what slipped through.
"""

import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

MARK = "ONYX_PLATFORM_STATE"
_PR_SET_PDEATHSIG = 1
_PROC = Path("/proc")
# What a child sees of the machine: not its AWS profile, not its Python settings.
_MACHINE = ("PATH", "HOME", "LANG", "LC_ALL", "TZ")


def machine_environment() -> dict[str, str]:
    """The variables of this machine that every process of the platform may see."""
    return {name: os.environ[name] for name in _MACHINE if name in os.environ}


@dataclass(frozen=True)
class ProcessId:
    """A pid with its start time, which together name one process for good (pids are reused)."""

    pid: int
    started: str

    def alive(self) -> bool:
        """Whether this very process still runs (a zombie does not)."""
        return started_at(self.pid) == self.started


def started_at(pid: int) -> str | None:
    """A token for the start time of `pid`; None where no such process runs."""
    try:
        text = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    # The name (field 2) may hold spaces and brackets; what follows the last bracket is regular.
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in ("Z", "X") else fields[19]


def identify(pid: int) -> ProcessId | None:
    started = started_at(pid)
    return None if started is None else ProcessId(pid, started)


def die_with(parent: int) -> Callable[[], None]:
    """For `preexec_fn`: the child is killed when the *thread* that forks it ends.

    So it must be forked on a thread that lives as long as the process: the main one. The library is
    loaded before the fork; between fork and exec only two system calls are made.
    """
    if sys.platform != "linux":
        return lambda: None
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def bind() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it died in between: the signal will never come
            os._exit(1)

    return bind


def signal_group(pid: int, number: signal.Signals) -> None:
    """Send `number` to the group that `pid` leads; nothing where it is gone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def marked(state: Path) -> Iterator[ProcessId]:
    """Processes that carry the mark of the platform in `state`, except this one."""
    wanted = f"{MARK}={state}".encode()
    for entry in _PROC.iterdir() if _PROC.is_dir() else ():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            variables = (entry / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if wanted in variables and (process := identify(int(entry.name))):
            yield process


def wait_gone(processes: list[ProcessId], seconds: float) -> list[ProcessId]:
    """Wait until all are gone; those that are not after `seconds`."""
    deadline = time.monotonic() + seconds
    left = [process for process in processes if process.alive()]
    while left and time.monotonic() < deadline:
        time.sleep(0.02)
        left = [process for process in left if process.alive()]
    return left


def sweep(state: Path) -> int:
    """Kill whatever still carries the mark of `state`; how many there were."""
    seen = 0
    for _ in range(20):  # a dying parent may have just forked
        left = list(marked(state))
        if not left:
            return seen
        seen = max(seen, len(left))
        for process in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
        wait_gone(left, 2.0)
    raise RuntimeError(f"processes of {state} cannot be ended: {[process.pid for process in left]}")
