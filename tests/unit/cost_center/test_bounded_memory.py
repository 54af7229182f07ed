"""A worker's memory stays bounded whatever it is given: each file is read in a fresh process, its peak asked.

The processes' own imports take about a quarter of a gigabyte.
"""

import gzip
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fakes.cost_center_bills import csv_bytes, cur_rows

ROOT = Path(__file__).resolve().parents[3]
PEAK = 700 << 20
GIGABYTE = 1 << 30
_CHUNK = b"x" * (1 << 20)

READ = """
import json, sys
from pathlib import Path
from tests.fakes.cost_center_reading import prepare
from services.cost_center.domain.findings import describe
path = Path(sys.argv[1])
rejection = prepare(path.parent, path).rejection
status = Path("/proc/self/status").read_text()
peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))
said = describe(rejection.findings[0]) if rejection else None
print(json.dumps({"peak": peak * 1024, "said": said}))
"""

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the kernel tells no VmHWM")


def long_line() -> Iterator[bytes]:
    """A bill whose last row never ends."""
    yield csv_bytes(cur_rows(2))
    yield from [_CHUNK] * (GIGABYTE // len(_CHUNK))


def open_quote() -> Iterator[bytes]:
    """A bill with a quote that is never closed, over very many short lines."""
    yield csv_bytes(cur_rows(2)) + b'"'
    yield from [b"x,y\n" * (1 << 18)] * 256


def many_quoted() -> Iterator[bytes]:
    """One row of very many cells, each of two lines."""
    yield csv_bytes(cur_rows(2))
    yield from [b'"x\ny",' * (1 << 17)] * 256


def bomb() -> Iterator[bytes]:
    """A megabyte that unpacks to a gigabyte of rows."""
    packed = gzip.compress(b"0\n" * (32 << 20))
    yield from [packed] * 16


FILES: dict[str, tuple[Callable[[], Iterator[bytes]], str]] = {
    "a line of a gigabyte": (long_line, "a line has no end"),
    "a quote that is never closed": (open_quote, "cannot be read after row 2"),
    "a row without an end": (many_quoted, "cannot be read after row 2"),
    "a gzip bomb": (bomb, "unpacks to far more than a bill is"),
}


@pytest.mark.parametrize(("content", "says"), FILES.values(), ids=list(FILES))
def test_memory_stays_bounded(tmp_path: Path, content: Callable[[], Iterator[bytes]], says: str) -> None:
    path = tmp_path / "bill.csv"
    with path.open("wb") as out:
        out.writelines(content())

    done = subprocess.run(
        [sys.executable, "-c", READ, str(path)], cwd=ROOT, capture_output=True, text=True, check=True
    )

    found = json.loads(done.stdout)
    assert says in found["said"]
    assert found["peak"] < PEAK
    assert "Traceback" not in done.stderr
