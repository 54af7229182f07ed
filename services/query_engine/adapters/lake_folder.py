"""The folder of this server's copies: one that no other server of this machine uses now."""

import fcntl
import os
import tempfile
from pathlib import Path
from typing import IO

from shared.errors import ConfigurationError

_MOST = 64
_CLAIMED: list[IO[str]] = []
"""Locks that are held as long as this process lives: a kill frees them."""


def claim_folder(setting: str) -> Path:
    """A folder below the one that is set, or below the machine's for temporary files; only we may read it.

    What an earlier server left there is found again. Raises ConfigurationError.
    """
    base = Path(setting) if setting else Path(tempfile.gettempdir()) / f"onyx-query-engine-{os.getuid()}"
    base.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = base.stat()
    if found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise ConfigurationError(f"{base} must belong to this user alone (mode 0700): it holds tenants' rows")
    for number in range(_MOST):
        folder = base / str(number)
        folder.mkdir(mode=0o700, exist_ok=True)
        lock = (folder / "lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            continue
        _CLAIMED.append(lock)
        return folder
    raise ConfigurationError(f"{base} is used by {_MOST} servers already")
