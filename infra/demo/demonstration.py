"""The bill of `onyx demo`: three months of a small company in one file."""

from pathlib import Path

from infra.demo.generate import Order, Written, generate
from infra.demo.presets import PRESETS

SOURCE = "demo-cur"
PRESET = "startup"


def write(folder: Path) -> Written:
    """A legacy CUR as csv.gz. Always the same bytes, so that a second delivery of it changes nothing."""
    return generate(Order(PRESET, PRESETS[PRESET].usual, single=True, report=SOURCE), folder)
