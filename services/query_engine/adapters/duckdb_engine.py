"""Runs a plan with DuckDB, over local files: for what Polars does not express.

Used inside a worker process. Each query has a database to itself, in memory, that reads the plan's files and
no other: access to anything else is switched off, and so is the way back.
"""

import re
from collections.abc import Mapping

import duckdb
import polars as pl

from services.query_engine.adapters.duckdb_databases import Databases
from services.query_engine.adapters.duckdb_errors import explained, unreadable
from services.query_engine.adapters.lake_files import LakeFiles
from services.query_engine.domain import errors
from services.query_engine.domain.dialects.duckdb.macros import macros_for
from services.query_engine.domain.errors import failure
from services.query_engine.domain.plan import BoundTable, Plan
from services.query_engine.domain.tables import Column, FileGroup

_PATTERN = re.compile(r"[*?\[\]{}]")

DATABASES = Databases()
"""Of this process."""


def run(
    plan: Plan, rows: int, files: LakeFiles, *, memory_bytes: int | None = None, threads: int | None = None
) -> pl.DataFrame:
    """Up to `rows` rows of what `plan` asks. Raises OnyxError with a code of `domain.errors`.

    `memory_bytes`: what the query may hold, of itself a part of what the process may; `threads`: of itself as
    many as there are cores.
    """
    local = {path: _plain(files.local(path)) for each in plan.tables for path in each.table.files}
    with DATABASES.opened(list(local.values()), memory_bytes, threads) as connection:
        try:
            for each in plan.tables:
                connection.execute(_view(each, local))
            for macro in macros_for(plan.sql):
                connection.execute(macro)
        except duckdb.Error as error:
            raise unreadable(error) from error
        try:
            with files.stop.interrupting(connection.interrupt):
                found: pl.DataFrame = _answered(_asked(connection, plan.sql)).limit(rows).pl()
        except duckdb.Error as error:
            raise explained(error) from error
    return found


# --- binding ---


def _plain(path: str) -> str:
    """A path that DuckDB opens as it stands; one that it would take for a pattern is none of ours."""
    if _PATTERN.search(path):
        raise failure(errors.LAKE_UNAVAILABLE, "The files of the query cannot be read now: try again")
    return path


def _view(bound: BoundTable, local: Mapping[str, str]) -> str:
    """The union of the table's files, in the table's columns and types, lower case names."""
    columns = bound.read
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


def _asked(connection: duckdb.DuckDBPyConnection, sql: str) -> duckdb.DuckDBPyRelation:
    """One SELECT, which leaves nothing behind that another query of the database could meet."""
    statements = connection.extract_statements(sql)
    if [each.type for each in statements] != [duckdb.StatementType.SELECT]:
        raise failure(errors.UNSUPPORTED_SQL, "The engine answers one SELECT")
    return connection.sql(statements[0])


# --- the answer ---

# DuckDB's types that Polars answers by another: as that one. 38 digits of every decimal, as Polars' own have.
_ANSWERED = {
    **dict.fromkeys(("HUGEINT", "UHUGEINT", "UBIGINT", "UINTEGER", "USMALLINT", "UTINYINT"), "BIGINT"),
    **dict.fromkeys(("UUID", "BIT"), "VARCHAR"),
    **dict.fromkeys(("TIMESTAMP WITH TIME ZONE", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"), "TIMESTAMP"),
}
_DECIMAL = re.compile(r"DECIMAL\(\d+,(\d+)\)")


def _answered(relation: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """The columns in the types that Polars would have given them."""
    columns = [_name(each) for each in relation.columns]
    targets = [_answered_as(str(kind)) for kind in relation.types]
    if not any(targets):
        return relation
    return relation.project(
        ", ".join(
            f"CAST({column} AS {target}) AS {column}" if target else column
            for column, target in zip(columns, targets, strict=True)
        )
    )


def _answered_as(kind: str) -> str | None:
    if kind == "INTERVAL":
        raise failure(errors.UNSUPPORTED_SQL, "A column of type interval cannot be answered: add a CAST")
    if kind.startswith("ENUM("):
        return "VARCHAR"
    if (found := _DECIMAL.fullmatch(kind)) and not kind.startswith("DECIMAL(38,"):
        return f"DECIMAL(38, {found[1]})"
    return _ANSWERED.get(kind)
