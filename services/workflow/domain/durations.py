"""Durations as they are written: `10s`, `5m`, `2h`, `1d`."""

import re

_DURATION = re.compile(r"(-?)([0-9]{1,9})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}

PATTERN = "^[0-9]{1,9}[smhd]$"
YEAR = 365 * 86_400


def seconds(text: str, *, negative: bool = False) -> int:
    """How many seconds `text` is. A minus sign only where `negative`. Raises ValueError."""
    found = _DURATION.fullmatch(text)
    if found is None or (found[1] and not negative):
        raise ValueError("a duration is a whole number and s, m, h or d, such as 30s, 10m, 2h or 1d")
    size = int(found[2]) * _SECONDS[found[3]]
    return -size if found[1] else size


def text(seconds: int) -> str:
    """The shortest exact text: 90 is `90s`, 120 is `2m`."""
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
