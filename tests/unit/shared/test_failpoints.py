"""A failpoint ends the process once, proves it, and costs nothing where it is not armed."""

import signal
import subprocess
import sys
from pathlib import Path

from shared.failpoints import MARK, NAME

PROGRAM = """
from shared.failpoints import Failpoints, failpoint
failpoint("other")
print("before", flush=True)
failpoint("relay: published")
Failpoints("ingest")("raw committed")
print("after", flush=True)
"""


def run(mark: Path, name: str | None) -> "subprocess.CompletedProcess[str]":
    variables = {} if name is None else {NAME: name, MARK: str(mark)}
    return subprocess.run(
        [sys.executable, "-c", PROGRAM], env=variables, capture_output=True, text=True, timeout=60
    )


def test_disarmed_it_does_nothing(tmp_path: Path) -> None:
    done = run(tmp_path / "mark", None)
    assert (done.returncode, done.stdout) == (0, "before\nafter\n")


def test_armed_it_kills_and_leaves_its_mark(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    for name in ("relay: published", "ingest: raw committed"):
        done = run(mark, name)
        assert (done.returncode, done.stdout) == (-signal.SIGKILL, "before\n")
        assert mark.read_text().splitlines()[0] == name
        mark.unlink()


def test_it_strikes_once_however_often_the_process_is_started_again(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    codes = [run(mark, "relay: published").returncode for _ in range(3)]
    assert codes == [-signal.SIGKILL, 0, 0]


def test_another_name_does_not_strike(tmp_path: Path) -> None:
    assert run(tmp_path / "mark", "relay: publish").returncode == 0
    assert not (tmp_path / "mark").exists()
