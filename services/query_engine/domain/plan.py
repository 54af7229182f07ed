"""The front door: a query's text and a tenant's catalog to a plan that an engine can run as it stands."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlglot import exp
from sqlglot.errors import SqlglotError

from services.query_engine.domain.binding import (
    RESERVED,
    bind,
    frame_name,
    refuse_reserved_names,
    rename_for_engine,
)
from services.query_engine.domain.errors import SQL_TOO_COMPLEX, refuse, unsupported
from services.query_engine.domain.maps import MapKey, hoist_maps
from services.query_engine.domain.parse import parse_select
from services.query_engine.domain.polars_sql import write
from services.query_engine.domain.rewrites.build import Context
from services.query_engine.domain.rewrites.table import rewrite
from services.query_engine.domain.syntax import check_syntax
from services.query_engine.domain.tables import Table

_UNNAMED = f"{RESERVED}unnamed_"


@dataclass(frozen=True)
class BoundTable:
    """A table as an engine is to bind it: under `name`, its columns in lower case, map keys as columns."""

    name: str
    table: Table
    map_keys: tuple[MapKey, ...] = ()


@dataclass(frozen=True)
class Plan:
    """What an engine runs: SQL of its own dialect over exactly these tables, and the names of the answer."""

    sql: str
    tables: tuple[BoundTable, ...]
    columns: tuple[str, ...]

    @property
    def files(self) -> int:
        return sum(len(each.table.files) for each in self.tables)

    @property
    def snapshots(self) -> list[int]:
        return sorted({snapshot for each in self.tables for snapshot in each.table.snapshots})


def compile_query(text: str, catalog: Mapping[str, Table], now: datetime) -> Plan:
    """The plan of `text` (Athena's SQL) over `catalog`; `now` is what now() says.

    Raises BadRequest with a code of `domain.errors` for what is refused.
    """
    statement = parse_select(text)
    check_syntax(text, statement)
    refuse_reserved_names(text, statement)
    written = _written_names(statement)
    _mark_unnamed(statement)
    try:
        bound = bind(text, statement, catalog)
        context = Context(text, now)
        names = _answer_names(bound.statement, written, bound.tables)
        keys = hoist_maps(bound.statement, context)
        rename_for_engine(bound.statement)
        statement = rewrite(bound.statement, context)
        _name_apart(statement)
        sql = write(statement)
    except RecursionError as error:
        raise refuse(SQL_TOO_COMPLEX, "The query is nested too deep") from error
    except SqlglotError as error:
        raise unsupported(f"The query cannot be compiled: {str(error).splitlines()[0]}") from error
    tables = tuple(
        BoundTable(frame_name(name), table, tuple(keys.by_table.get(name, ())))
        for name, table in sorted(bound.tables.items())
    )
    return Plan(sql, tables, names)


def _outermost(statement: exp.Query) -> exp.Select:
    """The SELECT that names the columns of the answer: the first of a UNION."""
    node: exp.Expr = statement
    while not isinstance(node, exp.Select):
        node = node.this
    return node


def _written_names(statement: exp.Query) -> dict[str, str]:
    """Aliases as they are written, by their lower case; those of the outermost SELECT come first."""
    outer = [each for each in _outermost(statement).expressions if isinstance(each, exp.Alias)]
    written: dict[str, str] = {}
    for alias in [*outer, *statement.find_all(exp.Alias)]:
        written.setdefault(alias.alias.lower(), alias.alias)
    return written


def _mark_unnamed(statement: exp.Query) -> None:
    """Give what has no name one that can be told apart afterwards; Athena calls it _col0, _col1, ..."""
    select = _outermost(statement)
    select.set(
        "expressions",
        [
            each
            if isinstance(each, exp.Alias | exp.Column) or each.is_star
            else exp.alias_(each, f"{_UNNAMED}{at}", quoted=True)
            for at, each in enumerate(select.expressions)
        ],
    )


def _answer_names(
    statement: exp.Query, written: Mapping[str, str], tables: Mapping[str, Table]
) -> tuple[str, ...]:
    """Names as written: of an alias in the query, of a column in its table; a repeated one is numbered."""
    known = {column.name.lower(): column.name for table in tables.values() for column in table.columns}
    names: list[str] = []
    for at, each in enumerate(_outermost(statement).selects):
        lower = each.alias_or_name
        name = f"_col{at}" if lower.startswith(_UNNAMED) else written.get(lower) or known.get(lower) or lower
        base, count = name, 1
        while name in names:
            name, count = f"{base}_{count}", count + 1
        names.append(name)
    return tuple(names)


def _name_apart(statement: exp.Query) -> None:
    """Two columns of the answer may have one name; for the engine the later ones get names of ours."""
    seen: set[str] = set()
    for at, each in enumerate(_outermost(statement).selects):
        if isinstance(each, exp.Alias):
            if each.alias in seen:
                each.set("alias", exp.to_identifier(f"{RESERVED}a{at}", quoted=True))
            seen.add(each.alias)
