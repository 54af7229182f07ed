"""Progress on standard error: a live line per file on a terminal, plain lines elsewhere."""

import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichProgress


class Lines:
    """One line when a file is up and one when it is judged: for logs and pipes."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def uploading(self, file: Path, sent: int, total: int) -> None:
        return None

    def waiting(self, file: Path) -> None:
        sys.stderr.write(f"{file.name}: uploaded, waiting for its bills\n")

    def working(self, file: Path, what: str) -> None:
        sys.stderr.write(f"{file.name}: {what}\n")

    def retrying(self, file: Path, why: str) -> None:
        sys.stderr.write(f"{file.name}: failed and is tried again: {why}\n")

    def done(self, file: Path, outcome: str) -> None:
        sys.stderr.write(f"{file.name}: {outcome}\n")


class Bars:
    """A bar while a file goes up, a spinner while Onyx works on it."""

    def __init__(self) -> None:
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
            self._tasks[file] = self._rich.add_task("", total=None, name=file.name)
        return self._tasks[file]


def progress() -> Lines | Bars:
    return Bars() if sys.stderr.isatty() else Lines()
