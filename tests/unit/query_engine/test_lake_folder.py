"""Servers of one machine share no folder, and one that was killed leaves its to the next."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from services.query_engine.adapters.lake_folder import claim_folder
from shared.errors import ConfigurationError

CLAIM = "import sys; from services.query_engine.adapters.lake_folder import claim_folder as c; "
SHOW = "print(c(sys.argv[1]), flush=True); sys.stdin.read()"


def server(base: Path) -> "tuple[subprocess.Popen[str], str]":
    process = subprocess.Popen(
        [sys.executable, "-c", CLAIM + SHOW, str(base)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).resolve().parents[3],
    )
    assert process.stdout
    return process, process.stdout.readline().strip()


def test_each_server_has_its_own_and_a_killed_ones_is_found_again(tmp_path: Path) -> None:
    base = tmp_path / "copies"
    one, first = server(base)
    two, second = server(base)
    try:
        assert (first, second) == (str(base / "0"), str(base / "1"))
        os.kill(one.pid, signal.SIGKILL)
        one.wait(10)
        assert claim_folder(str(base)) == base / "0"
    finally:
        for each in (one, two):
            each.kill()
            each.communicate()
    assert base.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_others_may_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "copies").mkdir(mode=0o755)
    with pytest.raises(ConfigurationError):
        claim_folder(str(tmp_path / "copies"))
