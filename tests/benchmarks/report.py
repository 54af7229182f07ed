"""What the benchmarks print and, when asked, write to docs/benchmarks."""

import os
import platform as machine
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

PACKAGES = ("boto3", "pydantic", "aws-lambda-powertools", "polars", "duckdb", "sqlglot", "ministack")


@dataclass
class Section:
    """One question: its table, and whether each row meets its target."""

    title: str
    about: str
    columns: Sequence[str]
    rows: list[Sequence[str]] = field(default_factory=list)

    def add(self, *cells: object) -> None:
        self.rows.append([str(cell) for cell in cells])

    def markdown(self) -> str:
        lines = [self.columns, ["---"] * len(self.columns), *self.rows]
        table = "\n".join("| " + " | ".join(line) + " |" for line in lines)
        return f"## {self.title}\n\n{self.about}\n\n{table}\n"


def verdict(value: float, *, at_most: float | None = None, at_least: float | None = None) -> str:
    """`PASS` or `over the target` (or `under`), for the table: a benchmark judges no machine."""
    if at_most is not None and value > at_most:
        return "over the target"
    if at_least is not None and value < at_least:
        return "under the target"
    return "PASS"


def description() -> str:
    """The machine, without its name: cores, memory, versions."""
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        f"{os.cpu_count()} cores ({machine.machine()}), {pages * size / 2**30:.1f} GiB of memory, "
        f"{machine.system()} {machine.release().split('-')[0]}, Python {sys.version.split()[0]}, {versions}."
    )


@dataclass
class Report:
    machine: str = field(default_factory=description)
    title: str = "What the chain costs"
    sections: list[Section] = field(default_factory=list)

    def section(self, title: str, about: str, *columns: str) -> Section:
        made = Section(title, f"{about} Load average at its end: {os.getloadavg()[0]:.1f}.", columns)
        self.sections.append(made)
        return made

    def markdown(self, kept: str = "") -> str:
        """The page. Sections of the page `kept` that this run did not measure stay as they are."""
        sections = {part.split("\n", 1)[0]: f"## {part.strip()}\n" for part in kept.split("\n## ")[1:]}
        sections |= {section.title: section.markdown() for section in self.sections}
        intro = (
            f"# {self.title}\n\n"
            "Written by `.venv/bin/pytest -q -s tests/benchmarks --write-report`. Every figure is a ratio or "
            "a difference within one run: absolute times are for this machine only.\n\n"
            f"{self.machine}\n"
        )
        return "\n".join([intro, *sections.values()])

    def write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = path.read_text(encoding="utf-8") if path.exists() else ""
        path.write_text(self.markdown(kept), encoding="utf-8")
