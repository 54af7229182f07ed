"""Names to what they name: tables of the tenant's catalog, columns of those tables, and nothing else."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache

from sqlglot import exp
from sqlglot.errors import OptimizeError, SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, traverse_scope
from sqlglot.schema import MappingSchema

from services.query_engine.domain.absent import Absent, absent_columns
from services.query_engine.domain.blanks import read_blanks
from services.query_engine.domain.dictionary import known_names
from services.query_engine.domain.errors import (
    AMBIGUOUS_COLUMN,
    UNKNOWN_COLUMN,
    UNKNOWN_TABLE,
    UNSUPPORTED_SQL,
    refuse,
    unsupported,
)
from services.query_engine.domain.functions import type_rules
from services.query_engine.domain.json_maps import JSON_MAPS, read_json_maps
from services.query_engine.domain.nearest import nearest
from services.query_engine.domain.parse import parse_select
from services.query_engine.domain.partitions import STARTS, derive, is_partition, read_months
from services.query_engine.domain.sources import RESERVED, Sources, bind_tables
from services.query_engine.domain.syntax import position_of
from services.query_engine.domain.tables import Column, Table
from services.query_engine.domain.trino import DIALECT

__all__ = ["RESERVED", "Bound", "bind", "frame_name", "refuse_reserved_names", "rename_for_engine"]


_REREAD = frozenset({"month"}) | JSON_MAPS
"""Columns of which a query may say what they are not quite: see `partitions` and `json_maps`."""


@dataclass(frozen=True)
class Bound:
    """A statement in which every name is resolved. `tables` are those it reads, by their lower case name in
    it; `notes` are for whoever asked."""

    statement: exp.Query
    tables: Mapping[str, Table]
    notes: tuple[str, ...] = ()


def refuse_reserved_names(text: str, statement: exp.Query) -> None:
    """Raises BadRequest (UNSUPPORTED_SQL) where the caller uses a name that could meet one of ours."""
    for identifier in statement.find_all(exp.Identifier):
        if identifier.name.lower().startswith(RESERVED):
            raise refuse(
                UNSUPPORTED_SQL,
                f"Names that start with {RESERVED} are reserved",
                at=position_of(text, identifier),
            )


def bind(text: str, statement: exp.Query, sources: Sources) -> Bound:
    """Resolve and annotate `statement`, which is written over, against `sources`.

    Raises BadRequest: UNKNOWN_TABLE, UNKNOWN_COLUMN, AMBIGUOUS_COLUMN, UNSUPPORTED_SQL, AS_OF_NOT_KEPT.
    """
    used = bind_tables(text, statement, sources)
    absent = absent_columns(statement, used)
    schema = _schema(statement, used, absent)
    try:
        bound = qualify(statement, schema=schema, dialect=DIALECT)
    except OptimizeError as error:
        raise _unresolved(text, parse_select(text), used, error) from error
    except SqlglotError as error:
        raise unsupported(f"The query cannot be resolved: {str(error).splitlines()[0]}") from error
    if absent or any(column.name.lower() in _REREAD for column in bound.find_all(exp.Column)):
        _reread(bound, used)
    bound = annotate_types(bound, schema=schema, dialect=DIALECT, expression_metadata=_metadata())
    read_blanks(bound)
    tables = {name: _widened(table, absent.get(name, {})) for name, table in used.items()}
    return Bound(bound, tables, _notes(used, absent))


def _schema(statement: exp.Query, tables: Mapping[str, Table], absent: Absent) -> MappingSchema:
    """What is named of what can be; a column that was added is no part of SELECT *.

    A bill has a hundred columns and more, a query names ten: the others cost more than to read the query.
    """
    starred = any(not isinstance(star.parent, exp.Count) for star in statement.find_all(exp.Star))
    names = {identifier.name.lower() for identifier in statement.find_all(exp.Identifier)}
    if absent:
        names |= set(STARTS)
    types: dict[str, exp.DataType] = {}
    own: dict[str, dict[str, exp.DataType]] = {}
    for name, table in tables.items():
        own[name] = {
            lower: types.setdefault(column.type, _data_type(column.type).copy())
            for column in table.columns
            if (lower := column.name.lower()) in names or starred
        } or {"onyx__nothing": _data_type("varchar").copy()}
    named: dict[str, object] = {
        name: columns
        | {lower: _data_type(column.type).copy() for lower, column in absent.get(name, {}).items()}
        for name, columns in own.items()
    }
    visible: dict[str, object] = {name: list(columns) for name, columns in own.items()} if absent else {}
    return MappingSchema(named, visible=visible, dialect=DIALECT, normalize=False)


@cache
def _data_type(name: str) -> exp.DataType:
    return exp.DataType.build(name, dialect=DIALECT)


def _reread(statement: exp.Query, tables: Mapping[str, Table]) -> None:
    for scope in traverse_scope(statement):
        for column in list(scope.columns):
            name = base_table(column, scope)
            if name is None:
                continue
            read_months(column, tables[name])
            read_json_maps(column, tables[name])
            if is_partition(tables[name], column.name):
                column.replace(derive(column, tables[name]))


def base_table(column: exp.Column, scope: Scope | None) -> str | None:
    """The table that a qualified column comes from, by its name in the statement; None for a subquery's."""
    while scope is not None:
        source = scope.sources.get(column.table)
        if source is not None:
            return source.name.lower() if isinstance(source, exp.Table) else None
        scope = scope.parent
    return None


def _widened(table: Table, added: Mapping[str, Column]) -> Table:
    """With the columns that read as null: an engine reads so what no file has."""
    more = tuple(column for name, column in added.items() if not is_partition(table, name))
    return replace(table, columns=(*table.columns, *more)) if more else table


def _notes(tables: Mapping[str, Table], absent: Absent) -> tuple[str, ...]:
    names = {
        column.name: None
        for table, added in absent.items()
        for lower, column in added.items()
        if not is_partition(tables[table], lower)
    }
    return tuple(f"no bill of yours has the column {name}: it reads as null" for name in names)


@cache
def _metadata() -> dict[type[exp.Expr], dict[str, object]]:
    from sqlglot.dialects.dialect import Dialect

    return {**Dialect.get_or_raise(DIALECT).EXPRESSION_METADATA, **type_rules()}


def _unresolved(
    text: str, statement: exp.Query, tables: Mapping[str, Table], error: OptimizeError
) -> Exception:
    message = str(error).splitlines()[0]
    known = re.search(r"(?:Column '\"?|Ambiguous column '\"?|Unknown column: \"?)([^'\"]+)", message)
    if known is None:
        if found := re.search(r"Unknown table: \"?([^'\"]+)", message):
            return _no_source(text, statement, found[1])
        return unsupported(f"The query cannot be resolved: {message}")
    name = known[1].rsplit(".", 1)[-1]
    columns = [each for each in statement.find_all(exp.Column) if each.name.lower() == name.lower()]
    at = position_of(text, columns[0]) if columns else None
    written = columns[0].name if columns else name
    holders = sum(
        any(column.name.lower() == name.lower() for column in tables[table.name.lower()].columns)
        for table in statement.find_all(exp.Table)
        if table.name.lower() in tables
    )
    if "mbiguous" in message or (holders > 1 and columns and not columns[0].table):
        return refuse(
            AMBIGUOUS_COLUMN,
            f"More than one table has a column {written}: write table.{written}",
            at=at,
            token=written,
        )
    for column in columns:
        if column.table and not _is_source(statement, column.table):
            return _no_source(text, statement, column.table)
    near = [column.name for table in tables.values() for column in table.columns]
    near += [alias.alias for alias in statement.find_all(exp.Alias) if alias.alias]
    return refuse(
        UNKNOWN_COLUMN,
        f"There is no column {written}",
        at=at,
        token=written,
        near=nearest(name, near) or nearest(name, _dictionaries(tables)),
    )


def _dictionaries(tables: Mapping[str, Table]) -> list[str]:
    return [name for table in tables.values() for name in known_names(table.base)]


def _is_source(statement: exp.Query, name: str) -> bool:
    names = {each.alias_or_name.lower() for each in statement.find_all(exp.Table, exp.Subquery, exp.CTE)}
    return name.lower() in names


def _no_source(text: str, statement: exp.Query, name: str) -> Exception:
    names = sorted({each.alias_or_name for each in statement.find_all(exp.Table) if each.alias_or_name})
    columns = [each for each in statement.find_all(exp.Column) if each.table.lower() == name.lower()]
    return refuse(
        UNKNOWN_TABLE,
        f"The query has no table or alias {name}",
        at=position_of(text, columns[0]) if columns else None,
        token=name,
        near=nearest(name, names),
    )


def rename_for_engine(statement: exp.Query) -> None:
    """Give base tables and CTEs names of ours, in place: an engine's own scoping rules then never matter.

    `charges` becomes `onyx__t_charges AS charges`, and each CTE gets a number of its own.
    """
    numbered: dict[int, str] = {}
    for scope in traverse_scope(statement):
        for table in scope.tables:
            source = scope.sources.get(table.alias_or_name)
            if isinstance(source, Scope):
                cte = source.expression.parent
                if not isinstance(cte, exp.CTE):
                    raise unsupported("This use of WITH cannot be resolved")
                new = numbered.setdefault(id(cte), f"{RESERVED}c{len(numbered)}")
            else:
                new = frame_name(table.name)
            table.set("alias", exp.TableAlias(this=exp.to_identifier(table.alias_or_name, quoted=True)))
            table.set("this", exp.to_identifier(new, quoted=True))
    for cte in statement.find_all(exp.CTE):
        # A CTE that nothing reads stays, under a name of its own.
        new = numbered.setdefault(id(cte), f"{RESERVED}c{len(numbered)}")
        cte.set("alias", exp.TableAlias(this=exp.to_identifier(new, quoted=True)))


def frame_name(table: str) -> str:
    """Under which name a base table is bound for an engine."""
    return f"{RESERVED}t_{table.lower()}"
