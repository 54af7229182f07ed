"""Rows for people (table) and for programs (json, csv).

A row is a dict; its keys are the column names. Decimals come as canonical strings and stay strings:
nothing here rounds, shortens or adds thousands separators.
"""

import csv
import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, TextIO

from rich.console import Console
from rich.table import Table

Row = Mapping[str, Any]
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_NAMES = ("id", "account", "invoice")
_PROSE_WIDTH = 24


class Format(StrEnum):
    TABLE = "table"
    JSON = "json"
    CSV = "csv"


def print_rows(
    rows: Sequence[Row], fmt: Format, *, columns: Sequence[str] | None = None, out: TextIO | None = None
) -> None:
    """`columns` orders a table and a csv and heads an empty csv; default: the rows' own keys."""
    out = out or sys.stdout
    names = list(columns) if columns is not None else list(dict.fromkeys(key for row in rows for key in row))
    if fmt is Format.JSON:
        out.write(json.dumps({"rows": [dict(row) for row in rows]}, indent=2, ensure_ascii=False) + "\n")
    elif fmt is Format.CSV:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(names)
        writer.writerows([_text(row.get(name)) for name in names] for row in rows)
    elif not rows:
        out.write("(no rows)\n")
    elif out.isatty():
        _rich_table(rows, names, out)
    else:
        _plain_table(rows, names, out)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int):
        return str(value)
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return "; ".join(value)
    return json.dumps(value, ensure_ascii=False)


def _cells(rows: Sequence[Row], names: Sequence[str]) -> list[list[str]]:
    return [[" ".join(_text(row.get(name)).split()) for name in names] for row in rows]


def _numeric(name: str, cells: Iterable[str]) -> bool:
    """A column of numbers stands to the right; an empty cell changes nothing, and an account is a name."""
    if name.lower().endswith(_NAMES):
        return False
    filled = [cell for cell in cells if cell]
    return bool(filled) and all(_NUMBER.fullmatch(cell) for cell in filled)


def _plain_table(rows: Sequence[Row], names: Sequence[str], out: TextIO) -> None:
    """Columns two spaces apart, nothing folded and nothing cut: for pipes, logs and grep."""
    cells = _cells(rows, names)
    columns = list(zip(*cells, strict=True))
    widths = [max(len(name), *map(len, column)) for name, column in zip(names, columns, strict=True)]
    right = [_numeric(name, column) for name, column in zip(names, columns, strict=True)]
    for line in [list(names), ["-" * width for width in widths], *cells]:
        parts = [
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(line, widths, right, strict=True)
        ]
        out.write("  ".join(parts).rstrip() + "\n")


def _rich_table(rows: Sequence[Row], names: Sequence[str], out: TextIO) -> None:
    cells = _cells(rows, names)
    table = Table(header_style="bold", expand=False)
    least = 1
    for name, column in zip(names, zip(*cells, strict=True), strict=True):
        width = max(len(name), *map(len, column))
        if _numeric(name, column):
            table.add_column(name, justify="right", no_wrap=True, min_width=width)
        elif all(" " not in cell for cell in column):  # an id, a date, a code: to be copied, so in one piece
            table.add_column(name, no_wrap=True, min_width=width)
        else:
            width = max(len(name), min(width, _PROSE_WIDTH))
            table.add_column(name, overflow="fold", min_width=width)
        least += width + 3
    for line in cells:
        table.add_row(*line)
    console = Console(file=out, markup=False, highlight=False)
    # A terminal that is too narrow wraps the line itself: a number that lost its end would be a wrong number.
    console.width = max(console.width, least)
    console.print(table)
