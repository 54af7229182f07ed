"""What is wrong with a workflow's text: each finding with its place, and all of them at once."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

MAX_FINDINGS = 20


@dataclass(frozen=True)
class Finding:
    """`line` and `column` count from 1; `path` is such as `steps[2].retry.attempts` ("" for the whole)."""

    code: str
    message: str
    path: str
    line: int
    column: int


class Stop(Exception):  # noqa: N818 - no error: enough was found
    """No further finding helps: the text cannot be read on, or there are MAX_FINDINGS."""


class Findings:
    """Collects findings; where a path is in the text is looked up in `places`."""

    def __init__(self) -> None:
        self._found: list[Finding] = []
        self.places: dict[str, tuple[int, int]] = {"": (1, 1)}

    def add(self, path: str, code: str, message: str, *, place: tuple[int, int] | None = None) -> None:
        """Raises Stop where it is the last that is told."""
        line, column = place or self._place(path)
        found = Finding(code, message, path, line, column)
        if found not in self._found:
            self._found.append(found)
        if len(self._found) >= MAX_FINDINGS:
            raise Stop

    def _place(self, path: str) -> tuple[int, int]:
        """Of the path, or of what is nearest above it."""
        while path not in self.places:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return self.places[path]

    def __iter__(self) -> Iterator[Finding]:
        """In the order of the text."""
        return iter(sorted(self._found, key=lambda each: (each.line, each.column)))

    def __bool__(self) -> bool:
        return bool(self._found)

    def documents(self) -> list[Mapping[str, Any]]:
        return [asdict(each) for each in self]
