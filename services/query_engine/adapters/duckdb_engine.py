"""Runs a plan with DuckDB, over local files: for what Polars does not express.

Used inside a worker process. Each query has a connection of its own that reads the plan's files and no other:
access to anything else is switched off, and so is the way back.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import duckdb
import polars as pl

from services.query_engine.adapters.decimal_functions import register_decimals
from services.query_engine.adapters.lake_files import LakeFiles
from services.query_engine.domain import errors
from services.query_engine.domain.errors import failure
from services.query_engine.domain.plan import BoundTable, Plan
from services.query_engine.domain.tables import Column, FileGroup
from shared.errors import OnyxError


def run(plan: Plan, rows: int, files: LakeFiles) -> pl.DataFrame:
    """Up to `rows` rows of what `plan` asks. Raises OnyxError with a code of `domain.errors`."""
    local = {path: files.local(path) for each in plan.tables for path in each.table.files}
    with duckdb.connect() as connection:
        register_decimals(connection)
        _close_doors(connection, sorted(local.values()))
        try:
            for each in plan.tables:
                connection.execute(_view(each, local))
            found: pl.DataFrame = connection.sql(plan.sql).limit(rows).pl()
        except duckdb.Error as error:
            raise _explained(error) from error
    return found


def _close_doors(connection: duckdb.DuckDBPyConnection, files: Sequence[str]) -> None:
    connection.execute("SET TimeZone = 'UTC'")
    # Drops a filter on one side of a self join made of a window: rows of others came through.
    connection.execute("SET disabled_optimizers = 'window_self_join'")
    connection.execute("SET allowed_paths = ?", [list(files)])
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def _view(bound: BoundTable, local: Mapping[str, str]) -> str:
    """The union of the table's files, in the table's columns and types, lower case names."""
    columns = bound.table.columns
    parts = [_part(group, columns, local) for group in bound.table.groups if group.files]
    if not parts:
        nothing = ", ".join(
            f"CAST(NULL AS {_type(each.type)}) AS {_name(each.name.lower())}" for each in columns
        )
        parts = [f"SELECT {nothing} WHERE false"]
    return f"CREATE TEMP VIEW {_name(bound.name)} AS {' UNION ALL '.join(parts)}"


def _part(group: FileGroup, columns: tuple[Column, ...], local: Mapping[str, str]) -> str:
    held = {each.name.casefold(): each.name for each in group.columns}
    wanted = ", ".join(_column(held.get(each.name.casefold()), each) for each in columns)
    files = ", ".join(_text(local[path]) for path in group.files)
    return f"SELECT {wanted} FROM read_parquet([{files}], hive_partitioning = false)"  # noqa: S608 - quoted


def _column(held: str | None, column: Column) -> str:
    value = "NULL" if held is None else _name(held)
    return f"CAST({value} AS {_type(column.type)}) AS {_name(column.name.lower())}"


_TYPES = {"map(varchar, varchar)": "MAP(VARCHAR, VARCHAR)"}


def _type(name: str) -> str:
    return _TYPES.get(name, name.upper())


def _name(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _explained(error: Exception) -> OnyxError:
    """DuckDB's error as one of ours."""
    message: Any = str(error).splitlines()[0]
    return failure(errors.UNSUPPORTED_SQL, f"The engine does not answer this: {message}")
