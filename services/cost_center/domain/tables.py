"""Columns and types of the lake's tables, and the records that pass between the steps of an ingest."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple


class ColumnType(StrEnum):
    """The types a table of the lake may have, by their Athena names. A timestamp has no zone and means
    UTC."""

    STRING = "string"
    DECIMAL = "decimal(38,18)"
    TIMESTAMP = "timestamp"
    MAP = "map<string,string>"


@dataclass(frozen=True)
class ColumnSpec:
    """A column of a lake table."""

    name: str
    type: ColumnType


class Tier(StrEnum):
    """raw: the provider's own columns, typed. curated: FOCUS."""

    RAW = "raw"
    CURATED = "curated"


CHARGES = "charges"
"""The curated table."""

PARTITION_COLUMNS = ("year", "month", "billing_period", "source")
"""Added to every raw table: Athena's own year ('2026') and month ('9'), then billing_period ('2026-09'),
source."""

PARTITIONED_BY: Mapping[Tier, tuple[str, str]] = {
    Tier.RAW: ("source", "billing_period"),
    Tier.CURATED: ("x_Source", "x_BillingPeriod"),
}
"""The two columns that say which bill a row belongs to, by tier."""


class Container(StrEnum):
    """How the bytes of a file are packed."""

    CSV = "csv"
    GZIP = "csv-gz"
    ZIP = "csv-zip"
    PARQUET = "parquet"


@dataclass(frozen=True)
class SourceFile:
    """A delivered file on this machine. What was in a zip is unpacked before, and so is parquet in a gzip.

    `sha256` is over the unpacked bytes, so that the same bill packed again is the same content. `packed` says
    that `path` is a gzip of the text: it is unpacked on the way, each time that it is read. `has_nul` says
    whether the text has a NUL character anywhere, where that is known.
    """

    name: str
    path: Path
    container: Container
    sha256: str
    packed: bool = False
    has_nul: bool | None = None


@dataclass(frozen=True)
class RawColumn:
    """A column of a delivered file: its header there, its name and type in the raw table."""

    header: str
    name: str
    type: ColumnType
    required: bool = False
    """Whether an empty cell is an error."""

    @property
    def spec(self) -> ColumnSpec:
        return ColumnSpec(self.name, self.type)


@dataclass(frozen=True)
class MoneyColumns:
    """The raw columns that say what was billed to whom. The billed cost is the first of `cost` that has a
    value."""

    cost: tuple[str, ...]
    account: str
    sub_account: str
    period_start: str
    period_end: str
    invoice: str
    currency: str


@dataclass(frozen=True)
class Layout:
    """What a file was recognised as: the raw table it belongs to and its columns, in the order of the
    file."""

    table: str
    format: str
    columns: tuple[RawColumn, ...]
    money: MoneyColumns
    json_columns: tuple[str, ...] = ()
    """Names of columns whose text must be a JSON object; the file need not have them."""
    json_pairs: tuple[str, ...] = ()
    """Those of `json_columns` that may leave out the braces round their pairs."""
    null_texts: frozenset[str] = frozenset()
    """Texts that mean "no value" beside the empty one."""
    null_numbers: frozenset[str] = frozenset()
    """Texts that mean it where a number belongs."""
    date_formats: tuple[str, ...] = ()
    """How dates are written beside ISO 8601, in strptime's letters."""
    one_currency: bool = False
    """Whether all of a bill is in one currency."""

    def nulls(self, column: RawColumn) -> frozenset[str]:
        """The texts that mean "no value" in a column, beside the empty one."""
        is_number = column.type is ColumnType.DECIMAL
        return self.null_texts | self.null_numbers if is_number else self.null_texts

    def named(self, name: str) -> RawColumn | None:
        return next((column for column in self.columns if column.name == name), None)


class GroupKey(NamedTuple):
    """What a reconciliation is made for. An absent invoice or sub-account is the empty text."""

    billing_account: str
    billing_period: str
    invoice: str
    currency: str
    sub_account: str = ""

    @property
    def where(self) -> str:
        """The group for people."""
        sub_account = f", sub-account {self.sub_account}" if self.sub_account else ""
        invoice = self.invoice or "none"
        return (
            f"account {self.billing_account}{sub_account}, {self.billing_period}, invoice {invoice}, "
            f"{self.currency}"
        )


@dataclass(frozen=True)
class GroupTotal:
    """The exact sum of the billed cost of a group, and how many rows it has."""

    amount: Decimal
    rows: int


@dataclass(frozen=True)
class StagedTable:
    """Parquet files of one bill for one table, written on this machine and not yet in the lake."""

    tier: Tier
    table: str
    billing_period: str
    paths: tuple[Path, ...]
    rows: int
    columns: tuple[ColumnSpec, ...]


@dataclass(frozen=True)
class RawStaging:
    """The raw tables staged from one file, one per billing period.

    `residues` is what rounding to 18 decimals took away from the billed cost, by group, as the converting
    reader saw it: raw total == staged total + residue.
    """

    tables: tuple[StagedTable, ...]
    residues: Mapping[GroupKey, Decimal] = field(default_factory=dict)
