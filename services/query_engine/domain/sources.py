"""Which table each table reference of a statement reads: of the tenant's catalog, now or at a moment."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlglot import exp

from services.query_engine.domain.dictionary import RAW_TABLES
from services.query_engine.domain.errors import UNKNOWN_TABLE, UNSUPPORTED_SQL, refuse
from services.query_engine.domain.moments import moment_in
from services.query_engine.domain.nearest import nearest
from services.query_engine.domain.syntax import position_of
from services.query_engine.domain.tables import Table
from shared.clock import iso

RESERVED = "onyx__"
"""Names that start so are ours: what is bound for an engine cannot meet a name of the caller's."""

_CATALOG = "awsdatacatalog"
DATABASE = "onyx"
"""A name that every tenant's database has, besides those of its own."""

Earlier = Callable[[datetime], Mapping[str, Table]]


@dataclass(frozen=True)
class Sources:
    """What names can stand for: the tables of now, of a moment, and what the tenant's database is called.

    `earlier` raises BadRequest (AS_OF_NOT_KEPT); `databases` are in lower case.
    """

    tables: Mapping[str, Table]
    earlier: Earlier | None = None
    databases: frozenset[str] = frozenset()


@dataclass
class _Bound:
    """The tables found so far, by the name that stands in the statement."""

    used: dict[str, Table] = field(default_factory=dict)
    moments: dict[datetime, Mapping[str, Table]] = field(default_factory=dict)


def bind_tables(text: str, statement: exp.Query, sources: Sources) -> dict[str, Table]:
    """The tables that the statement reads, by lower case name, once every table name in it is accounted for.

    A table at a moment, and one that a WITH hides but for its database in front, get a name of ours in the
    statement, so that each is bound apart. Raises BadRequest: UNKNOWN_TABLE, UNSUPPORTED_SQL, AS_OF_NOT_KEPT.
    """
    now = {name.lower(): table for name, table in sources.tables.items()}
    bound = _Bound()
    for table in list(statement.find_all(exp.Table)):
        _bind(text, table, sources, now, bound)
    return bound.used


def _bind(text: str, table: exp.Table, sources: Sources, now: Mapping[str, Table], bound: _Bound) -> None:
    name = table.name.lower()
    qualified = bool(table.args.get("db") or table.args.get("catalog"))
    if qualified and not _own_database(table, sources):
        whole = ".".join(part.name for part in table.parts)
        raise refuse(
            UNKNOWN_TABLE,
            f"There is no table {whole}: name tables without a database in front",
            at=position_of(text, table),
            token=whole,
            near=[table.name] if name in now else nearest(name, now),
        )
    hidden = name in set(_visible_ctes(table))
    version = table.args.get("version")
    if hidden and not qualified:
        if version is not None:
            raise refuse(
                UNSUPPORTED_SQL,
                f"FOR TIMESTAMP AS OF goes with a table, not with {table.name} of WITH",
                at=position_of(text, table),
            )
        return
    found, key = _found(text, table, now), name
    if version is not None:
        moment = moment_in(version)
        found = _at(text, table, moment, sources, bound)
        key = f"{RESERVED}at{len(bound.used)}"
    elif hidden:
        key = f"{RESERVED}own_{name}"
    if key != name:
        if not table.alias:
            table.set("alias", exp.TableAlias(this=exp.to_identifier(table.name)))
        table.set("this", exp.to_identifier(key))
    for part in ("db", "catalog", "version"):
        table.set(part, None)
    bound.used[key] = found


def _own_database(table: exp.Table, sources: Sources) -> bool:
    catalog = table.catalog.lower()
    return (not catalog or catalog == _CATALOG) and table.db.lower() in {DATABASE, *sources.databases}


def _found(
    text: str, table: exp.Table, catalog: Mapping[str, Table], when: str = "is published yet"
) -> Table:
    name = table.name.lower()
    if name in catalog:
        return catalog[name]
    if name in RAW_TABLES:
        why = f"no {RAW_TABLES[name]} bill {when}"
    elif catalog:
        raise refuse(
            UNKNOWN_TABLE,
            f"There is no table {table.name}; there are {', '.join(sorted(catalog))}",
            at=position_of(text, table),
            token=table.name,
            near=nearest(name, catalog),
        )
    else:
        why = "no bill is published yet"
    raise refuse(
        UNKNOWN_TABLE,
        f"There is no table {table.name}: {why}",
        at=position_of(text, table),
        token=table.name,
        near=nearest(name, catalog),
    )


def _at(text: str, table: exp.Table, moment: datetime, sources: Sources, bound: _Bound) -> Table:
    if sources.earlier is None:
        raise refuse(
            UNSUPPORTED_SQL, "FOR TIMESTAMP AS OF is not supported here", at=position_of(text, table)
        )
    if moment not in bound.moments:
        found = sources.earlier(moment)
        bound.moments[moment] = {name.lower(): each for name, each in found.items()}
    held = _found(text, table, bound.moments[moment], f"was published at {iso(moment)}")
    return replace(held, name=f"{held.name}@{iso(moment)}")


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
