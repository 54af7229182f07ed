"""Runs a plan with Polars: only the plan's frames are bound, only their files are opened.

Used inside a worker process; nothing here trusts the SQL, it can name nothing but these frames.
"""

import re

import polars as pl

from services.query_engine.adapters.lake_columns import as_column, dtype, held_names
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
        frames = {each.name: _frame(each, files) for each in plan.tables}
        query = pl.SQLContext(frames=frames, register_globals=False, eager=False).execute(plan.sql)
        return query.limit(rows).collect(engine="streaming")
    except MemoryError as error:
        raise failure(errors.QUERY_MEMORY, "The query needs more memory than it may have") from error
    except (pl.exceptions.PolarsError, OSError, ValueError, TypeError, OverflowError) as error:
        raise _explained(error) from error


# --- binding ---


def _frame(bound: BoundTable, files: LakeFiles) -> pl.LazyFrame:
    """The union of the table's files: lower case column names, missing columns null, maps' keys hoisted."""
    columns = _columns(bound)
    groups = [group for group in bound.table.groups if group.files]
    if not groups:
        parts = [pl.LazyFrame(schema={each.name.lower(): dtype(each.type) for each in columns})]
    elif (frames := files.frames(bound.name)) is not None:
        parts = [_held(frame, bound) for frame in frames]
        return parts[0] if len(parts) == 1 else pl.concat(parts, how="vertical")
    else:
        parts = [_scan(group, columns, files) for group in groups]
    frame = parts[0] if len(parts) == 1 else pl.concat(parts, how="vertical")
    return frame.with_columns(
        pl.col(each.column).map.get(each.key).alias(each.name) for each in bound.map_keys
    )


def _columns(bound: BoundTable) -> tuple[Column, ...]:
    """What to bind of a table's files: of one whose rows are only counted, all, of which nothing is read."""
    wanted = {each.name for each in bound.read}
    hoisted = {each.column for each in bound.map_keys}
    found = tuple(each for each in bound.table.columns if each.name in wanted or each.name.lower() in hoisted)
    return found or bound.table.columns


def _held(frame: pl.DataFrame, bound: BoundTable) -> pl.LazyFrame:
    """Rows in memory, with the columns that no file of theirs has."""
    wanted = [(each.name.lower(), dtype(each.type)) for each in bound.read]
    wanted += [(each.name, pl.String) for each in bound.map_keys]
    return frame.lazy().select(
        pl.col(name) if name in frame.columns else pl.lit(None, dtype=kind).alias(name)
        for name, kind in wanted
    )


def _scan(group: FileGroup, columns: tuple[Column, ...], files: LakeFiles) -> pl.LazyFrame:
    """The rows of files that have the same columns, in the table's columns and types."""
    paths, storage = files.to_scan(group.files)
    scan = pl.scan_parquet(
        paths,
        glob=False,
        hive_partitioning=False,
        storage_options=storage or None,
        credential_provider=None,
    )
    held = held_names(group)
    schema = scan.collect_schema()
    wanted = [
        as_column(schema, held.get(each.name.casefold()), each).alias(each.name.lower()) for each in columns
    ]
    if any(each.name.casefold() in held for each in columns):
        return scan.select(wanted)
    # A select of nothing but constants would be one row.
    return scan.with_columns(wanted).select(each.name.lower() for each in columns)


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
