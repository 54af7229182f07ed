"""A FOCUS csv as it lies on disk, and the formats of the specification's attributes, by a cell's text."""

import csv
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

Row = dict[str, str | None]


@dataclass(frozen=True)
class Dataset:
    """Columns in their order, and rows; an empty cell is null."""

    columns: Sequence[str]
    rows: Sequence[Row]

    @classmethod
    def of(cls, path: Path) -> "Dataset":
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file, strict=True)
            rows = [{name: cell or None for name, cell in row.items()} for row in reader]
            return cls(list(reader.fieldnames or ()), rows)

    def changed(self, number: int, **cells: str | None) -> "Dataset":
        """The same with other cells in one row."""
        rows = list(self.rows)
        rows[number] = {**rows[number], **cells}
        return Dataset(self.columns, rows)

    def without(self, column: str) -> "Dataset":
        """The same without a column: what asks for it all the same finds null."""
        left = [name for name in self.columns if name != column]
        return Dataset(left, [{**row, column: None} for row in self.rows])


_MOMENT = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\dZ")
_NUMBER = re.compile(r"-?\d+(\.\d+)?(E-?\d+)?")
_CURRENCY = re.compile(r"[A-Z]{3}")


def is_moment(cell: str) -> bool:
    """DateTimeFormat: ISO 8601 in UTC, two digits each, T and Z."""
    return _MOMENT.fullmatch(cell) is not None


def is_number(cell: str) -> bool:
    """NumericFormat: no plus sign, no separators, E notation at most."""
    return _NUMBER.fullmatch(cell) is not None


def is_currency(cell: str) -> bool:
    """CurrencyFormat for national currencies: three letters."""
    return _CURRENCY.fullmatch(cell) is not None


def is_text(cell: str) -> bool:
    """StringHandling: valid Unicode, and something in it."""
    return "\ufffd" not in cell and bool(cell.strip())


def is_key_value(cell: str) -> bool:
    """KeyValueFormat: a JSON object, each key once, no value an object or an array."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({key for key, _ in pairs}) != len(pairs):
            raise ValueError("a key twice")
        return dict(pairs)

    try:
        found = json.loads(cell, object_pairs_hook=once)
    except ValueError:
        return False
    return isinstance(found, dict) and not any(isinstance(each, dict | list) for each in found.values())


FORMATS: dict[str, Callable[[str], bool]] = {
    "FormatDateTime": is_moment,
    "TypeDateTime": is_moment,
    "FormatNumeric": is_number,
    "TypeDecimal": is_number,
    "CheckDecimalValue": is_number,
    "FormatString": is_text,
    "TypeString": is_text,
    "FormatUnit": is_text,
    "FormatKeyValue": is_key_value,
    "FormatCurrency": is_currency,
    "CheckNationalCurrency": is_currency,
}


def number(cell: str | None) -> Decimal | None:
    return Decimal(cell) if cell is not None and is_number(cell) else None


def is_product(left: Decimal, right: Decimal, product: Decimal) -> bool:
    """To the rounding of providers: a millionth of the cost, or less than a billionth of a unit."""
    return abs(left * right - product) <= max(abs(product) / 1_000_000, Decimal("1e-9"))
