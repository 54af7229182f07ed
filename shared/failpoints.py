"""Named points at write boundaries where a test ends the process as `kill -9` or a lost host would.

Armed only by the process's environment, and by one name at a time:

    ONYX_FAILPOINT       the name, e.g. "ingest: curated committed"
    ONYX_FAILPOINT_MARK  a file that must not exist yet: it is written and flushed before the process dies,
                         which proves the hit, and while it is there the point does not strike again

Without ONYX_FAILPOINT (always, outside tests) a failpoint is one comparison with None.
"""

import os
import signal
from dataclasses import dataclass
from pathlib import Path

NAME = "ONYX_FAILPOINT"
MARK = "ONYX_FAILPOINT_MARK"

_armed: str | None = os.environ.get(NAME)


def failpoint(name: str) -> None:
    """Die here if this point is armed and has not struck yet."""
    if _armed is not None and name == _armed:
        _strike(name)


@dataclass(frozen=True)
class Failpoints:
    """Failpoints whose names begin with `<prefix>: `, for code that is handed them."""

    prefix: str

    def __call__(self, step: str) -> None:
        if _armed is not None:
            failpoint(f"{self.prefix}: {step}")


def _strike(name: str) -> None:
    mark = Path(os.environ[MARK])
    try:
        made = os.open(mark, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    except FileExistsError:
        return
    os.write(made, f"{name}\n{os.getpid()}\n".encode())
    os.fsync(made)
    folder = os.open(mark.parent, os.O_RDONLY)
    os.fsync(folder)
    os.kill(os.getpid(), signal.SIGKILL)
