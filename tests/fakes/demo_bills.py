"""Bills of the generator, and a reader of their files that shares nothing with it: csv and Decimal."""

import csv
import gzip
import io
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from infra.demo.generate import Order, Written, generate
from infra.demo.presets import PRESETS
from infra.demo.spec import BillFormat, Container, Month

Row = dict[str, str]


def order(preset: str = "startup", **changes: Any) -> Order:
    """An order of a small bill: two months of 2,600 rows each. Spec's fields and Order's alike."""
    spec = replace(PRESETS[preset].usual, months=2, rows=5_200, start=Month.parse("2026-08"))
    known = {name: changes.pop(name) for name in list(changes) if hasattr(spec, name)}
    return replace(Order(preset, replace(spec, **known)), **changes)


def written(folder: Path, **changes: Any) -> Written:
    return generate(order(**changes), folder)


def rows(files: Iterable[Path]) -> list[Row]:
    """All rows of the files, which are csv, packed or not."""
    return [row for file in files for row in csv.DictReader(io.StringIO(_text(file)))]


def _text(file: Path) -> str:
    if file.suffix == ".gz":
        return gzip.decompress(file.read_bytes()).decode()
    if file.suffix == ".zip":
        with zipfile.ZipFile(file) as archive:
            (member,) = archive.namelist()
            return archive.read(member).decode()
    return file.read_text()


def sums(found: Iterable[Row], key: Callable[[Row], str], amount: str) -> dict[str, Decimal]:
    """The exact sum of a column by a key; an empty cell is nothing. Keys whose sum is 0 are there, too."""
    total: dict[str, Decimal] = defaultdict(Decimal)
    for row in found:
        total[key(row)] += Decimal(row[amount] or 0)
    return dict(total)


FORMATS = [BillFormat.CUR, BillFormat.CUR2, BillFormat.FOCUS]
CSV_CONTAINERS = [Container.CSV, Container.GZ, Container.ZIP]
