"""Progress on standard error: a live line per file on a terminal, plain lines elsewhere."""

import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichProgress


class Lines:
    """One line when a file is up and one when it is judged: for logs and pipes."""

    def __init__(self, names: Mapping[Path, str]) -> None:
        self._names = names

    def name(self, file: Path) -> str:
        return self._names.get(file, file.name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def uploading(self, file: Path, sent: int, total: int) -> None:
        return None

    def waiting(self, file: Path) -> None:
        sys.stderr.write(f"{self.name(file)}: uploaded, waiting for its bills\n")

    def working(self, file: Path, what: str) -> None:
        sys.stderr.write(f"{self.name(file)}: {what}\n")

    def retrying(self, file: Path, why: str) -> None:
        sys.stderr.write(f"{self.name(file)}: failed and is tried again: {why}\n")

    def done(self, file: Path, outcome: str) -> None:
        sys.stderr.write(f"{self.name(file)}: {outcome}\n")


class Bars:
    """A bar while a file goes up, a spinner while Onyx works on it."""

    def __init__(self, names: Mapping[Path, str]) -> None:
        self._names = names
        self._rich = RichProgress(
            SpinnerColumn(finished_text=" "),
            TextColumn("{task.fields[name]}", markup=False),
            BarColumn(bar_width=24),
            DownloadColumn(),
            TextColumn("{task.description}", markup=False),
            TimeElapsedColumn(),
            console=Console(stderr=True),
        )
        self._tasks: dict[Path, TaskID] = {}

    def name(self, file: Path) -> str:
        return self._names.get(file, file.name)

    def __enter__(self) -> Self:
        self._rich.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._rich.stop()

    def uploading(self, file: Path, sent: int, total: int) -> None:
        # One step short of the end: the task is finished when its bills are judged, not when it is up.
        self._rich.update(self._task(file), total=total + 1, completed=sent, description="uploading")

    def waiting(self, file: Path) -> None:
        self._rich.update(self._task(file), description="waiting for its bills")

    def working(self, file: Path, what: str) -> None:
        self._rich.update(self._task(file), description=what)

    def retrying(self, file: Path, why: str) -> None:
        self._rich.update(self._task(file), description=f"is tried again: {why}")

    def done(self, file: Path, outcome: str) -> None:
        task = self._task(file)
        total = next(one.total for one in self._rich.tasks if one.id == task)
        self._rich.update(task, completed=total or 1, total=total or 1, description=outcome)

    def _task(self, file: Path) -> TaskID:
        if file not in self._tasks:
            self._tasks[file] = self._rich.add_task("", total=None, name=self.name(file))
        return self._tasks[file]


def progress(files: Iterable[Path] = ()) -> Lines | Bars:
    """`files` are all that will be told of, so that two of one name can be told apart."""
    names = names_of(files)
    return Bars(names) if sys.stderr.isatty() else Lines(names)


def names_of(files: Iterable[Path]) -> dict[Path, str]:
    """Each file's name, led by as many of its folders as tell it from the others (`20261001/bill.csv`)."""
    paths = list(dict.fromkeys(files))
    names: dict[Path, str] = {}
    longest = max((len(each.parts) for each in paths), default=0)
    for size in range(1, longest + 1):
        tails = {each: "/".join(each.parts[-size:]) for each in paths if each not in names}
        often = Counter(tails.values())
        names |= {each: tail for each, tail in tails.items() if often[tail] == 1}
    return names
