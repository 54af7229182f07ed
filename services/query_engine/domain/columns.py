"""Which columns of each table a statement reads, and the tables as an engine is to bind them."""

from collections.abc import Mapping, Sequence

from sqlglot import exp

from services.query_engine.domain.binding import frame_name
from services.query_engine.domain.plan import BoundTable, MapKey
from services.query_engine.domain.query import Query
from services.query_engine.domain.tables import Column, Table

_NARROW = ("date", "boolean", "tinyint", "smallint", "integer", "bigint", "timestamp", "double")


def columns_read(query: Query) -> dict[str, tuple[str, ...]]:
    """Lower case columns by lower case table, in the table's order. Never empty: rows are counted by one.

    By the alias that a column is read under, wherever that stands: two queries within one another may use the
    same alias for different tables, which then both count as read.
    """
    named: dict[str, set[str]] = {}
    for column in query.statement.find_all(exp.Column):
        named.setdefault(column.table.lower(), set()).add(column.name.lower())
    wanted: dict[str, set[str]] = {name: set(named.get("", ())) for name in query.tables}
    for table in query.statement.find_all(exp.Table):
        if (name := table.name.lower()) in wanted:
            wanted[name] |= named.get(table.alias_or_name.lower(), set())
    return {name: _held(table, wanted[name]) for name, table in query.tables.items()}


def bound_tables(query: Query, keys: Mapping[str, Sequence[MapKey]] | None = None) -> tuple[BoundTable, ...]:
    """The tables of a plan, each with the columns that are read; `keys` are map keys by table."""
    read = columns_read(query)
    return tuple(
        BoundTable(frame_name(name), table, tuple((keys or {}).get(name, ())), read[name])
        for name, table in sorted(query.tables.items())
    )


def _held(table: Table, wanted: set[str]) -> tuple[str, ...]:
    names = tuple(each.name.lower() for each in table.columns)
    held = tuple(each for each in names if each in wanted)
    return held or ((_counted_by(table.columns),) if names else ())


def _counted_by(columns: Sequence[Column]) -> str:
    """The column that costs least to read."""
    return min(
        columns, key=lambda each: _NARROW.index(each.type) if each.type in _NARROW else 99
    ).name.lower()
