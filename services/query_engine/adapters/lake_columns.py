"""A published file's columns as a table's columns, in Polars: the one place that knows both sides' types."""

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from services.query_engine.adapters.text_twins import TWIN
from services.query_engine.domain import errors
from services.query_engine.domain.errors import failure
from services.query_engine.domain.tables import Column, FileGroup

MAP = "map(varchar, varchar)"
_DTYPES: dict[str, Any] = {
    "varchar": pl.String,
    "bigint": pl.Int64,
    "integer": pl.Int32,
    "smallint": pl.Int16,
    "tinyint": pl.Int8,
    "double": pl.Float64,
    "real": pl.Float32,
    "boolean": pl.Boolean,
    "date": pl.Date,
    "timestamp": pl.Datetime("us"),
    MAP: pl.Map(pl.String, pl.String),
}
_DECIMAL = re.compile(r"decimal\((\d+),(\d+)\)")


def dtype(name: str) -> Any:
    """Polars' type of a canonical Trino type."""
    if found := _DECIMAL.fullmatch(name):
        return pl.Decimal(int(found[1]), int(found[2]))
    return _DTYPES[name]


def held_names(group: FileGroup) -> dict[str, str]:
    """The names of the files' columns, as they are written, by their names without case."""
    return {each.name.casefold(): each.name for each in group.columns}


def as_column(schema: pl.Schema, held: str | None, column: Column) -> pl.Expr:
    """`column` of a table out of the file's column `held`: null where the file has none.

    Raises OnyxError (LAKE_INCONSISTENT) where the file lacks what its publication names.
    """
    target = dtype(column.type)
    if held is None:
        return pl.lit(None, dtype=target)
    if held not in schema:
        raise failure(errors.LAKE_INCONSISTENT, f"A published file lacks the column {held}")
    source = schema[held]
    expression = pl.col(held)
    if isinstance(source, pl.Datetime):
        if source.time_zone not in (None, "UTC"):
            expression = expression.dt.convert_time_zone("UTC")
        if source.time_zone is not None:
            # SQL timestamps have no zone here: all are UTC.
            expression = expression.dt.replace_time_zone(None)
        source = pl.Datetime(source.time_unit)
    return expression if source == target else expression.cast(target)


class LocalColumns(NamedTuple):
    """`mixed`: some of the files have twins of texts that others lack, and that are not among `columns`."""

    columns: pl.Schema
    mixed: bool


def schema_of(paths: Sequence[str]) -> LocalColumns:
    """The columns of local files that have the same, with the twins that all of them have. Raises OSError."""
    first, *others = (_schema(path, Path(path).stat().st_mtime_ns) for path in paths)
    if all(each == first for each in others):
        return LocalColumns(first, mixed=False)
    common = {
        name: kind
        for name, kind in first.items()
        if not name.startswith(TWIN) or all(each.get(name) == kind for each in others)
    }
    return LocalColumns(pl.Schema(common), mixed=True)


@lru_cache(maxsize=4096)
def _schema(path: str, changed: int) -> pl.Schema:
    return pl.Schema(pl.read_parquet_schema(path))
