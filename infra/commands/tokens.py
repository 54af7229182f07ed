"""Access tokens that were issued to this machine, kept until shortly before they expire."""

import json
import os
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from shared.clock import Clock

# A token that is handed out must survive the call that it is meant for.
MARGIN = timedelta(minutes=2)


class TokenCache:
    """One JSON file, readable by its owner alone, with a token per tenant and role."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock

    def get(self, key: str) -> str | None:
        entry = self._read().get(key)
        if entry is None or datetime.fromisoformat(entry["expires_at"]) - MARGIN <= self._clock.now():
            return None
        return str(entry["token"])

    def put(self, key: str, token: str, expires_in: int) -> None:
        expires_at = self._clock.now() + timedelta(seconds=expires_in)
        self._write({**self._read(), key: {"token": token, "expires_at": expires_at.isoformat()}})

    def drop(self, key: str) -> None:
        self._write({name: entry for name, entry in self._read().items() if name != key})

    def _read(self) -> dict[str, Any]:
        """A file that cannot be read as what `_write` writes is no cache: a new token costs a second."""
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def _write(self, entries: dict[str, Any]) -> None:
        """Whole or not at all; mkstemp makes the file with mode 0600 before a byte is in it."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self._path.parent, prefix=".tokens-")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(entries, file)
        Path(name).replace(self._path)
