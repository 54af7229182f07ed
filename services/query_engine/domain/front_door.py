"""The front door: a query's text and a tenant's catalog to a query whose every name and type is known."""

from collections.abc import Mapping
from datetime import datetime

from sqlglot import exp
from sqlglot.errors import SqlglotError

from services.query_engine.domain.binding import RESERVED, bind, refuse_reserved_names
from services.query_engine.domain.dialects.table import DIALECTS
from services.query_engine.domain.errors import SQL_TOO_COMPLEX, refuse, unsupported
from services.query_engine.domain.moments import fold_moments
from services.query_engine.domain.parse import parse_select
from services.query_engine.domain.plain import spell_plainly
from services.query_engine.domain.plan import Plan
from services.query_engine.domain.query import Query, outermost
from services.query_engine.domain.sources import Earlier, Sources
from services.query_engine.domain.syntax import check_syntax
from services.query_engine.domain.tables import Table

_UNNAMED = f"{RESERVED}unnamed_"


def read_query(
    text: str,
    catalog: Mapping[str, Table],
    now: datetime,
    *,
    earlier: Earlier | None = None,
    databases: frozenset[str] = frozenset(),
) -> Query:
    """What `text` (Athena's SQL) asks of `catalog`; `now` is what now() says.

    `earlier` gives the catalog of a moment, for FOR TIMESTAMP AS OF; `databases` are the names (lower case)
    that the tenant's database has. Raises BadRequest with a code of `domain.errors` for what is refused.
    """
    statement = parse_select(text)
    fold_moments(text, statement, now)
    check_syntax(text, statement)
    spell_plainly(statement)
    refuse_reserved_names(text, statement)
    written = _written_names(statement)
    _mark_unnamed(statement)
    try:
        bound = bind(text, statement, Sources(catalog, earlier, databases))
    except RecursionError as error:
        raise refuse(SQL_TOO_COMPLEX, "The query is nested too deep") from error
    names = _answer_names(bound.statement, written, bound.tables)
    return Query(text, bound.statement, bound.tables, names, now, bound.notes)


def plan_for(engine: str, query: Query) -> Plan:
    """`query` in the dialect of `engine`.

    Raises BadRequest (UNSUPPORTED_SQL, UNSUPPORTED_FUNCTION) where the engine declines it: another may not.
    Any other code is the caller's mistake, whichever engine is asked.
    """
    try:
        return DIALECTS[engine](query)
    except RecursionError as error:
        raise refuse(SQL_TOO_COMPLEX, "The query is nested too deep") from error
    except SqlglotError as error:
        raise unsupported(f"The query cannot be compiled: {str(error).splitlines()[0]}") from error


def compile_query(text: str, catalog: Mapping[str, Table], now: datetime, engine: str = "polars") -> Plan:
    """`read_query`, then `plan_for`."""
    return plan_for(engine, read_query(text, catalog, now))


def _written_names(statement: exp.Query) -> dict[str, str]:
    """Aliases as they are written, by their lower case; those of the outermost SELECT come first."""
    outer = [each for each in outermost(statement).expressions if isinstance(each, exp.Alias)]
    written: dict[str, str] = {}
    for alias in [*outer, *statement.find_all(exp.Alias)]:
        written.setdefault(alias.alias.lower(), alias.alias)
    return written


def _mark_unnamed(statement: exp.Query) -> None:
    """Give what has no name one that can be told apart afterwards; Athena calls it _col0, _col1, ..."""
    select = outermost(statement)
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
    for at, each in enumerate(outermost(statement).selects):
        lower = each.alias_or_name
        name = f"_col{at}" if lower.startswith(_UNNAMED) else written.get(lower) or known.get(lower) or lower
        base, count = name, 1
        while name in names:
            name, count = f"{base}_{count}", count + 1
        names.append(name)
    return tuple(names)
