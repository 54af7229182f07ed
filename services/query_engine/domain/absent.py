"""Columns that a query names and its tables do not have, which a dictionary or Athena's partitions know."""

from collections.abc import Iterator, Mapping

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.scope import Scope, traverse_scope

from services.query_engine.domain.dictionary import known_column
from services.query_engine.domain.partitions import is_partition
from services.query_engine.domain.tables import Column, Table

Absent = dict[str, dict[str, Column]]
"""By the table's name in the statement, then by lower case name: the columns to add to what it has."""


def absent_columns(statement: exp.Query, tables: Mapping[str, Table]) -> Absent:
    """What to add to each table so that the statement's columns resolve. The statement is not qualified yet.

    A column that something in the query provides (another table, a subquery, an alias where one may stand)
    is nobody's to add.
    """
    held = {name: {each.name.lower() for each in table.columns} for name, table in tables.items()}
    everywhere = set.intersection(*held.values()) if held else set()
    named = {each.name.lower() for each in statement.find_all(exp.Column)} - everywhere
    if not any(_addition(table, name) for table in tables.values() for name in named):
        return {}
    found: Absent = {}
    try:
        for scope in traverse_scope(statement):
            for column in scope.columns:
                for table in _lacking(column, scope, held, tables):
                    added = _addition(tables[table], column.name)
                    if added is not None:
                        found.setdefault(table, {})[column.name.lower()] = added
    except SqlglotError:
        return found  # qualifying says what is wrong
    return found


def _addition(table: Table, name: str) -> Column | None:
    if is_partition(table, name):
        return Column(name.lower(), "varchar")
    if any(each.name.lower() == name.lower() for each in table.columns):
        return None
    return known_column(table.base, name)


def _lacking(
    column: exp.Column, scope: Scope, held: Mapping[str, set[str]], tables: Mapping[str, Table]
) -> Iterator[str]:
    """The table that should have had the column, if it is plain which."""
    name, around = column.name.lower(), list(_around(scope))
    if column.table:
        for each in around:
            for alias, source in _selected(each):
                if alias == column.table.lower():
                    if isinstance(source, exp.Table) and source.name.lower() in held:
                        yield source.name.lower()
                    return
        return
    if any(_provides(source, name, held) for each in around for _, source in _selected(each)):
        return
    if _may_be_alias(column, scope):
        return
    for each in around:
        for _, source in _selected(each):
            table = source.name.lower() if isinstance(source, exp.Table) else ""
            if table in held and _addition(tables[table], name) is not None:
                yield table
                return


def _around(scope: Scope) -> Iterator[Scope]:
    """The scope, and those around it that a subquery can see."""
    each: Scope | None = scope
    while each is not None:
        yield each
        each = each.parent if each.is_subquery or each.is_udtf else None


def _selected(scope: Scope) -> list[tuple[str, exp.Expr | Scope]]:
    return [(alias.lower(), source) for alias, (_, source) in scope.selected_sources.items()]


def _provides(source: exp.Expr | Scope, name: str, held: Mapping[str, set[str]]) -> bool:
    if isinstance(source, exp.Table):
        return name in held.get(source.name.lower(), ())
    if not isinstance(source, Scope):
        return True
    expression = source.expression
    parent = expression.parent
    renamed = parent.alias_column_names if isinstance(parent, exp.Subquery | exp.CTE) else []
    if not isinstance(expression, exp.Query):
        renamed = renamed or expression.alias_column_names
    if renamed:
        return name in {each.lower() for each in renamed}
    if not isinstance(expression, exp.Query):
        return True
    if name in {each.lower() for each in expression.named_selects}:
        return True
    starred = any(each.is_star for each in expression.selects)
    return starred and any(_provides(each, name, held) for _, each in _selected(source))


def _may_be_alias(column: exp.Column, scope: Scope) -> bool:
    """Whether the name is an alias's, in a clause that may name one. (GROUP BY and HAVING may not in Athena,
    and are taken all the same.)"""
    if not isinstance(scope.expression, exp.Select):
        return True
    clause = column.find_ancestor(exp.Group, exp.Order, exp.Having, exp.Window, exp.Select)
    if not isinstance(clause, exp.Group | exp.Order | exp.Having):
        return False
    aliases = {each.alias.lower() for each in scope.expression.selects if isinstance(each, exp.Alias)}
    return column.name.lower() in aliases
