"""Telling our processes from others."""

import os
import subprocess
import sys
from pathlib import Path

from infra.local import processes
from tests.fakes.local_platform import eventually

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]


def test_a_process_is_itself_and_no_other(tmp_path: Path) -> None:
    started = subprocess.Popen(SLEEP)
    try:
        identity = processes.identify(started.pid)
        assert identity
        assert identity.alive()
        assert not processes.ProcessId(started.pid, "another start time").alive()
    finally:
        started.kill()
    eventually(lambda: not identity.alive(), "its end; a zombie is not alive")
    started.wait()


def test_the_sweep_ends_what_carries_the_mark_and_nothing_else(tmp_path: Path) -> None:
    ours = [
        subprocess.Popen(SLEEP, env={**os.environ, processes.MARK: str(tmp_path)}, start_new_session=True)
        for _ in range(2)
    ]
    other = subprocess.Popen(SLEEP, env={**os.environ, processes.MARK: str(tmp_path / "other")})
    try:
        eventually(lambda: len(list(processes.marked(tmp_path))) == 2, "both marks")
        assert processes.sweep(tmp_path) == 2
        assert [process.wait(5) for process in ours] == [-9, -9]
        assert other.poll() is None
        assert processes.sweep(tmp_path) == 0
    finally:
        for process in (*ours, other):
            process.kill()
            process.wait()
