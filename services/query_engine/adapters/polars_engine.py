"""Runs a plan with Polars: only the plan's frames are bound, only their files are opened.

Used inside a worker process; nothing here trusts the SQL, it can name nothing but these frames.
"""

import itertools
import re
from collections.abc import Sequence
from operator import attrgetter

import polars as pl

from services.query_engine.adapters.lake_columns import MAP, as_column, dtype, held_names, schema_of
from services.query_engine.adapters.lake_files import REMOTE, LakeFiles
from services.query_engine.adapters.map_keys import ROW, MapKeys
from services.query_engine.adapters.text_twins import TWIN
from services.query_engine.domain import errors
from services.query_engine.domain.errors import failure
from services.query_engine.domain.plan import BoundTable, Plan
from services.query_engine.domain.tables import Column, FileGroup
from shared.errors import OnyxError
from shared.observability import logger


def run(plan: Plan, rows: int, files: LakeFiles) -> pl.DataFrame:
    """Up to `rows` rows of what `plan` asks. Raises OnyxError with a code of `domain.errors`."""
    try:
        with MapKeys() as keys:
            frames = {each.name: _frame(each, files, keys) for each in plan.tables}
            query = pl.SQLContext(frames=frames, register_globals=False, eager=False).execute(plan.sql)
            return query.limit(rows).collect(engine="streaming")
    except MemoryError as error:
        raise failure(errors.QUERY_MEMORY, "The query needs more memory than it may have") from error
    except (pl.exceptions.PolarsError, OSError, ValueError, TypeError, OverflowError) as error:
        raise _explained(error) from error


# --- binding ---


def _frame(bound: BoundTable, files: LakeFiles, keys: MapKeys) -> pl.LazyFrame:
    """The union of the table's files: lower case column names, missing columns null, maps' keys hoisted."""
    columns = _columns(bound)
    groups = [group for group in bound.table.groups if group.files]
    if not groups:
        schema = {each.name.lower(): dtype(each.type) for each in columns}
        names = [each.name for each in bound.text_keys] + [each.name for each in bound.map_keys]
        parts = [pl.LazyFrame(schema=schema | dict.fromkeys(names, pl.String))]
    elif (frames := files.frames(bound.name)) is not None:
        parts = [_held(frame, bound) for frame in frames]
    else:
        parts = _scans(groups, columns, bound, files, keys)
    return parts[0] if len(parts) == 1 else pl.concat(parts, how="vertical")


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
    columns = [
        pl.col(name) if name in frame.columns else pl.lit(None, dtype=kind).alias(name)
        for name, kind in wanted
    ]
    return frame.lazy().select(columns).with_columns(_text_keys(bound))


def _text_keys(bound: BoundTable) -> list[pl.Expr]:
    """Texts that are grouped by, as texts."""
    return [pl.col(each.column).alias(each.name) for each in bound.text_keys]


def _scans(
    groups: Sequence[FileGroup],
    columns: tuple[Column, ...],
    bound: BoundTable,
    files: LakeFiles,
    keys: MapKeys,
) -> list[pl.LazyFrame]:
    """The rows of each group. A text that is grouped by is read by its twin where all files have one."""
    opened = [_open(group, files, numbered=bool(bound.map_keys)) for group in groups]
    twins: dict[str, list[str]] = {}
    for key in bound.text_keys:
        names = [TWIN + held_names(group).get(key.column, "") for group in groups]
        kinds = [schema.get(name) for name, (_, schema) in zip(names, opened, strict=True)]
        if kinds[0] is not None and all(each == kinds[0] for each in kinds):
            twins[key.name] = names
    parts = []
    for at, (group, (scan, schema)) in enumerate(zip(groups, opened, strict=True)):
        more = [pl.col(names[at]).alias(name) for name, names in twins.items()]
        more += _keys(group, schema, bound, files, keys)
        part = _typed(scan, schema, group, columns, more)
        rest = [each for each in _text_keys(bound) if each.meta.output_name() not in twins]
        parts.append(part.with_columns(rest) if rest else part)
    return parts


def _keys(
    group: FileGroup, schema: pl.Schema, bound: BoundTable, files: LakeFiles, keys: MapKeys
) -> list[pl.Expr]:
    """What the maps of a group's files have under the keys that the query reads."""
    held = held_names(group)
    paths, _ = files.to_scan(group.files)
    of_map = attrgetter("column")
    found = []
    for column, asked in itertools.groupby(sorted(bound.map_keys, key=of_map), key=of_map):
        name, wanted = held.get(column), list(asked)
        maps = as_column(schema, name, Column(column, MAP))
        if name is None or schema[name] != dtype(MAP) or any(path.startswith(REMOTE) for path in paths):
            found += [maps.map.get(each.key).alias(each.name) for each in wanted]
        else:
            found += keys.columns(paths, name, wanted)
    return found


def _open(group: FileGroup, files: LakeFiles, *, numbered: bool) -> tuple[pl.LazyFrame, pl.Schema]:
    paths, storage = files.to_scan(group.files)
    local = None if any(path.startswith(REMOTE) for path in paths) else schema_of(paths)
    # Polars estimates rows, by which it orders joins, only of files whose schema it reads itself.
    told = local is not None and local.mixed
    scan = pl.scan_parquet(
        paths,
        schema=local.columns if local is not None and told else None,
        extra_columns="ignore" if told else "raise",
        row_index_name=ROW if numbered else None,
        glob=False,
        hive_partitioning=False,
        storage_options=storage or None,
        credential_provider=None,
    )
    return scan, scan.collect_schema() if local is None else local.columns


def _typed(
    scan: pl.LazyFrame,
    schema: pl.Schema,
    group: FileGroup,
    columns: tuple[Column, ...],
    more: Sequence[pl.Expr],
) -> pl.LazyFrame:
    """The rows of files that have the same columns, in the table's columns and types, and what is `more`."""
    held = held_names(group)
    wanted = [
        as_column(schema, held.get(each.name.casefold()), each).alias(each.name.lower()) for each in columns
    ]
    wanted += more
    if any(each.name.casefold() in held for each in columns):
        return scan.select(wanted)
    # A select of nothing but constants would be one row.
    return scan.with_columns(wanted).select(each.meta.output_name() for each in wanted)


# --- what went wrong ---

_TOLD = 300
"""Of an engine's own words: they may hold a text of the query, however long."""

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
        return failure(errors.UNSUPPORTED_SQL, f"The engine does not answer this: {first[:_TOLD]}")
    logger.error("the engine failed", error_type=type(error).__name__, error_message=first)
    return failure(errors.ENGINE_FAILED, "The engine failed on this query")
