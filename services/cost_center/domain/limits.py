"""How much a delivered file may be."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Real bills pass by far; what does not is refused, and not read."""

    unpacked_bytes: int = 128 << 30
    """Of one file. AWS splits its own at about a gigabyte."""
    ratio: int = 200
    """Unpacked bytes for each packed one; bills have 10 to 40."""
    line_bytes: int = 16 << 20
    """Of one line of text, and of one cell."""
    columns: int = 5_000
