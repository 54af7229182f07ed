"""Keeping one process running: back-off, stopping, its whole group."""

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.local.children import Child, Command, stop_all
from infra.local.processes import identify
from tests.fakes.local_platform import eventually


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def child(tmp_path: Path, code: str, clock: Callable[[], float] = time.monotonic, stop: float = 5) -> Child:
    command = Command([sys.executable, "-c", code], str(tmp_path), lambda: dict(os.environ), stop)
    return Child("it", command, tmp_path / "it.log", clock)


SLEEP = "import time; print('up', flush=True); time.sleep(600)"


def test_it_starts_and_stops(tmp_path: Path) -> None:
    it = child(tmp_path, SLEEP)
    assert it.tick()
    assert it.running
    assert not it.tick(), "nothing changes while it runs"
    pid = it.pid
    assert pid
    stop_all([it])
    assert identify(pid) is None
    assert not it.tick(), "what was stopped stays stopped"
    assert not it.running


def test_a_failing_process_is_restarted_later_each_time_and_says_why(tmp_path: Path) -> None:
    clock = Clock()
    it = child(tmp_path, "raise SystemExit('no luck')", clock)
    delays = []
    for _ in range(4):
        assert it.tick(), "it starts"
        eventually(it.tick, "its exit")
        began = clock.now
        while not it.running:
            clock.now += 0.05
            if it.tick():
                break
        delays.append(round(clock.now - began, 1))
        eventually(it.tick, "its exit")
        clock.now += 60
    assert delays == sorted(delays)
    assert delays[-1] > delays[0]
    assert it.restarts == 8
    assert it.last_error == "exited with 1"
    log = (tmp_path / "it.log").read_text()
    assert "no luck" in log
    assert "[onyx] it exited with 1; next start in 0.2 s" in log


def test_after_a_long_life_a_failure_counts_as_the_first(tmp_path: Path) -> None:
    clock = Clock()
    it = child(tmp_path, SLEEP, clock)
    for _ in range(2):
        it.tick()
        assert it.pid
        clock.now += 3600
        os.kill(it.pid, signal.SIGKILL)
        eventually(it.tick, "its exit")
        clock.now += 0.3
    assert (tmp_path / "it.log").read_text().count("next start in 0.2 s") == 2


def test_what_cannot_start_is_shown_and_tried_again(tmp_path: Path) -> None:
    clock = Clock()
    command = Command(["/no/such/program"], str(tmp_path), dict, 1)
    it = Child("it", command, tmp_path / "it.log", clock)
    it.tick()
    assert not it.running
    assert "cannot start" in (it.last_error or "")
    assert not it.tick(), "not at once"
    clock.now += 1
    assert it.tick()
    assert it.restarts == 2


def test_one_that_ignores_the_signal_is_killed_with_its_children_when_its_time_is_over(
    tmp_path: Path,
) -> None:
    code = (
        "import signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "own = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "open('own', 'w').write(str(own.pid))\n"
        "time.sleep(600)\n"
    )
    it = child(tmp_path, code, stop=0.3)
    it.tick()
    own = int(eventually(lambda: (tmp_path / "own").exists() and (tmp_path / "own").read_text(), "its child"))
    began = time.monotonic()
    stop_all([it])
    assert 0.25 < time.monotonic() - began < 3
    eventually(lambda: identify(own) is None, "the end of its child")


def test_it_dies_with_its_parent_even_if_that_is_killed(tmp_path: Path) -> None:
    code = (
        "import os, sys, time\n"
        "from pathlib import Path\n"
        "from infra.local.children import Child, Command\n"
        f"command = Command([sys.executable, '-c', {SLEEP!r}], '.', lambda: dict(os.environ), 1)\n"
        "it = Child('it', command, Path('it.log'))\n"
        "it.tick()\n"
        "Path('draft').write_text(str(it.pid))\n"
        "Path('draft').rename('pid')\n"
        "time.sleep(600)\n"
    )
    root = str(Path(__file__).resolve().parents[3])
    command = Command(
        [sys.executable, "-c", code], str(tmp_path), lambda: {**os.environ, "PYTHONPATH": root}, 1
    )
    parent = Child("parent", command, tmp_path / "parent.log")
    parent.tick()
    pid = int(eventually(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text(), "the child"))
    assert identify(pid)
    assert parent.pid
    os.kill(parent.pid, signal.SIGKILL)
    eventually(lambda: identify(pid) is None, "the end of the child", 5)
    stop_all([parent])


def test_a_large_log_is_set_aside_at_a_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.local.children._LOG_LIMIT", 10)
    (tmp_path / "it.log").write_text("x" * 11)
    it = child(tmp_path, SLEEP)
    it.tick()
    stop_all([it])
    assert (tmp_path / "it.log.1").read_text() == "x" * 11
    assert "x" not in (tmp_path / "it.log").read_text()
