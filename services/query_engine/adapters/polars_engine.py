"""Runs a plan with Polars: only the plan's frames are bound, only their files are opened.

Used inside a worker process; nothing here trusts the SQL, it can name nothing but these frames.
"""

import re
from collections.abc import Mapping
from typing import Any

import polars as pl

from services.query_engine.adapters.lake_files import LakeFiles
from services.query_engine.domain import errors
from services.query_engine.domain.errors import failure
from services.query_engine.domain.plan import BoundTable, Plan
from services.query_engine.domain.tables import Column, FileGroup
from shared.errors import OnyxError
from shared.observability import logger


def run(plan: Plan, rows: int, files: LakeFiles) -> pl.DataFrame:
    """Up to `rows` rows of what `plan` asks. Raises OnyxError with a code of `domain.errors`."""
    try:
        frames = {each.name: _frame(each, files.storage) for each in plan.tables}
        query = pl.SQLContext(frames=frames, register_globals=False, eager=False).execute(plan.sql)
        return query.limit(rows).collect(engine="streaming")
    except MemoryError as error:
        raise failure(errors.QUERY_MEMORY, "The query needs more memory than it may have") from error
    except (pl.exceptions.PolarsError, OSError, ValueError, TypeError, OverflowError) as error:
        raise _explained(error) from error


# --- binding ---


def _frame(bound: BoundTable, storage: Mapping[str, str]) -> pl.LazyFrame:
    """The union of the table's files: lower case column names, missing columns null, maps' keys hoisted."""
    columns = bound.table.columns
    parts = [_part(group, columns, storage) for group in bound.table.groups if group.files]
    if not parts:
        parts = [pl.LazyFrame(schema={each.name.lower(): _dtype(each.type) for each in columns})]
    frame = parts[0] if len(parts) == 1 else pl.concat(parts, how="vertical")
    return frame.with_columns(
        pl.col(each.column).map.get(each.key).alias(each.name) for each in bound.map_keys
    )


def _part(group: FileGroup, columns: tuple[Column, ...], storage: Mapping[str, str]) -> pl.LazyFrame:
    """The rows of files that have the same columns, in the table's columns and types."""
    scan = pl.scan_parquet(
        list(group.files),
        glob=False,
        hive_partitioning=False,
        storage_options=dict(storage) or None,
        credential_provider=None,
    )
    held = {each.name.casefold(): each.name for each in group.columns}
    schema = scan.collect_schema()
    return scan.select(
        _column(schema, held.get(each.name.casefold()), each).alias(each.name.lower()) for each in columns
    )


def _column(schema: pl.Schema, held: str | None, column: Column) -> pl.Expr:
    target = _dtype(column.type)
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
    "map(varchar, varchar)": pl.Map(pl.String, pl.String),
}
_DECIMAL = re.compile(r"decimal\((\d+),(\d+)\)")


def _dtype(name: str) -> Any:
    """Polars' type of a canonical Trino type."""
    if found := _DECIMAL.fullmatch(name):
        return pl.Decimal(int(found[1]), int(found[2]))
    return _DTYPES[name]


# --- what went wrong ---

# Pattern in Polars' message, code, and what to tell the caller.
_MESSAGES: tuple[tuple[str, str, str], ...] = (
    (r"division by zero", errors.DIVISION_BY_ZERO, "Division by zero: write x / nullif(y, 0)"),
    (
        r"appropriate format to parse",
        errors.INVALID_CAST,
        "A text is no date (YYYY-MM-DD)",
    ),
    (r"overflow", errors.NUMERIC_OVERFLOW, "A number of the query does not fit 20 digits and 18 decimals"),
    (
        r"maximum length reached",
        errors.QUERY_MEMORY,
        "The query makes more than 4 billion rows on its way: join on a key, filter before joining",
    ),
    (
        r"conversion from `decimal.*` to `(i\d+|decimal.*)` failed",
        errors.NUMERIC_OVERFLOW,
        "A number of the query does not fit the type it is cast to",
    ),
    (
        r"conversion from `.*` to `.*` failed",
        errors.INVALID_CAST,
        "A value cannot be cast: try_cast gives null instead",
    ),
    (r"no or a single value", errors.SUBQUERY_ROWS, "A subquery that stands for one value has several rows"),
    (
        r"regex|repetition operator|unclosed group",
        errors.INVALID_PATTERN,
        "The regular expression is not valid",
    ),
)


def _explained(error: Exception) -> OnyxError:
    """Polars' error as one of ours. Its own words are kept where they are about SQL only."""
    message = str(error)
    first = message.strip().splitlines()[0] if message.strip() else type(error).__name__
    if isinstance(error, OSError):
        return failure(errors.LAKE_UNAVAILABLE, "The files of the query cannot be read now: try again")
    for pattern, code, text in _MESSAGES:
        if re.search(pattern, message, re.IGNORECASE):
            return failure(code, text)
    if isinstance(error, pl.exceptions.ComputeError) and re.search(r"s3://|http|object.store", message):
        return failure(errors.LAKE_UNAVAILABLE, "The files of the query cannot be read now: try again")
    sql = (
        pl.exceptions.SQLInterfaceError,
        pl.exceptions.SQLSyntaxError,
        pl.exceptions.InvalidOperationError,
        pl.exceptions.SchemaError,
        pl.exceptions.ColumnNotFoundError,
        pl.exceptions.DuplicateError,
        pl.exceptions.ShapeError,
    )
    if isinstance(error, sql):
        return failure(errors.UNSUPPORTED_SQL, f"The engine does not answer this: {first}")
    logger.error("the engine failed", error_type=type(error).__name__, error_message=first)
    return failure(errors.ENGINE_FAILED, "The engine failed on this query")
