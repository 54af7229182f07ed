"""Names to what they name: tables of the tenant's catalog, columns of those tables, and nothing else."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlglot import exp
from sqlglot.errors import OptimizeError, SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, traverse_scope
from sqlglot.schema import MappingSchema

from services.query_engine.domain.errors import (
    AMBIGUOUS_COLUMN,
    UNKNOWN_COLUMN,
    UNKNOWN_TABLE,
    UNSUPPORTED_SQL,
    refuse,
    unsupported,
)
from services.query_engine.domain.functions import type_rules
from services.query_engine.domain.limits import DIALECT
from services.query_engine.domain.nearest import nearest
from services.query_engine.domain.syntax import position_of
from services.query_engine.domain.tables import Table

RESERVED = "onyx__"
"""Names that start so are ours: what is bound for an engine cannot meet a name of the caller's."""

_RULES = type_rules()


@dataclass(frozen=True)
class Bound:
    """A statement in which every name is resolved. `tables` are those it reads, by lower case name."""

    statement: exp.Query
    tables: Mapping[str, Table]


def refuse_reserved_names(text: str, statement: exp.Query) -> None:
    """Raises BadRequest (UNSUPPORTED_SQL) where the caller uses a name that could meet one of ours."""
    for identifier in statement.find_all(exp.Identifier):
        if identifier.name.lower().startswith(RESERVED):
            raise refuse(
                UNSUPPORTED_SQL,
                f"Names that start with {RESERVED} are reserved",
                at=position_of(text, identifier),
            )


def bind(text: str, statement: exp.Query, catalog: Mapping[str, Table]) -> Bound:
    """Resolve and annotate `statement` against `catalog`.

    Raises BadRequest: UNKNOWN_TABLE, UNKNOWN_COLUMN, AMBIGUOUS_COLUMN, UNSUPPORTED_SQL.
    """
    by_name = {name.lower(): table for name, table in catalog.items()}
    used = _used_tables(text, statement, by_name)
    schema = MappingSchema(
        {
            name: {column.name.lower(): column.type for column in table.columns}
            for name, table in used.items()
        },
        dialect=DIALECT,
    )
    original = statement.copy()
    try:
        bound = qualify(statement, schema=schema, dialect=DIALECT)
    except OptimizeError as error:
        raise _unresolved(text, original, used, error) from error
    except SqlglotError as error:
        raise unsupported(f"The query cannot be resolved: {str(error).splitlines()[0]}") from error
    bound = annotate_types(
        bound, schema=schema, dialect=DIALECT, expression_metadata={**_metadata(), **_RULES}
    )
    return Bound(bound, used)


def _metadata() -> dict[type[exp.Expr], dict[str, object]]:
    from sqlglot.dialects.dialect import Dialect

    return dict(Dialect.get_or_raise(DIALECT).EXPRESSION_METADATA)


def _used_tables(text: str, statement: exp.Query, catalog: Mapping[str, Table]) -> dict[str, Table]:
    """The catalog's tables that the statement reads, once every table name in it is accounted for."""
    used = {}
    for table, ctes in _tables(statement):
        name = table.name.lower()
        qualified = ".".join(part.name for part in table.parts)
        if table.args.get("db") or table.args.get("catalog"):
            raise refuse(
                UNKNOWN_TABLE,
                f"There is no table {qualified}: name tables without a database in front",
                at=position_of(text, table),
                token=qualified,
                near=[table.name] if name in catalog else nearest(name, catalog),
            )
        if name in ctes:
            continue
        if name not in catalog:
            raise refuse(
                UNKNOWN_TABLE,
                f"There is no table {qualified}; there are {', '.join(sorted(catalog))}"
                if catalog
                else f"There is no table {qualified}: no bill is published yet",
                at=position_of(text, table),
                token=qualified,
                near=nearest(name, catalog),
            )
        used[name] = catalog[name]
    return used


def _tables(statement: exp.Query) -> Iterator[tuple[exp.Table, set[str]]]:
    """Each table reference, with the names of the CTEs that it can see."""
    for table in statement.find_all(exp.Table):
        yield table, set(_visible_ctes(table))


def _visible_ctes(table: exp.Table) -> Iterator[str]:
    """CTEs of each query around, and of a WITH list only those written before the one that it is in."""
    child: exp.Expr = table
    parent = table.parent
    while parent is not None:
        if isinstance(parent, exp.With):
            for cte in parent.expressions:
                if cte is child:
                    break
                yield cte.alias.lower()
        elif isinstance(parent, exp.Query) and (with_ := parent.args.get("with_")) and with_ is not child:
            yield from (cte.alias.lower() for cte in with_.expressions)
        child, parent = parent, parent.parent


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
        near=nearest(name, near),
    )


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
