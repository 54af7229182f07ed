"""The rules of a mapping as Polars expressions, and what each of them reads."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from services.cost_center.adapters import polars_cells as cells
from services.cost_center.domain import charges
from services.cost_center.domain.charges import (
    ChargeMapping,
    ColumnMap,
    Helper,
    JsonMap,
    Lookup,
    MapEntry,
    Netting,
    Product,
    Share,
    TagKeys,
    Twice,
)
from services.cost_center.domain.tables import Layout

ROW_ITSELF = "onyx row itself"
"""Stands for what no column says: where a row is among the others."""


def compiled(mapping: ChargeMapping) -> dict[str, pl.Expr]:
    """The rules as expressions, by column, in the order of the table's columns."""
    rules = {rule.target: rule for rule in mapping.rules}
    return {
        column.name: pl.sql_expr(rules[column.name].sql).cast(cells.TYPES[column.type]).alias(column.name)
        for column in charges.COLUMNS
    }


def raw_names(mapping: ChargeMapping) -> list[str]:
    """The raw columns that a mapping reads, in its rules or through its helpers."""
    made: set[str] = set()
    read: set[str] = set()
    for helper in mapping.helpers:
        read |= _reads(helper) - {ROW_ITSELF}
        if not isinstance(helper, MapEntry):
            made |= _makes(helper)
    for rule in mapping.rules:
        read |= _roots(rule.sql)
    return sorted(read - made)


@dataclass(frozen=True)
class Split:
    """What of a mapping follows from some columns alone (`once`), and what is each row's own (`each`).

    Rules are told by the columns they make. `shared` are the columns that the latter read of the former.
    """

    once: Sequence[Helper]
    each: Sequence[Helper]
    rules_once: frozenset[str]
    shared: frozenset[str]


def split(mapping: ChargeMapping, layout: Layout, columns: Iterable[str]) -> Split:
    """See `Split`. `columns` are those that are there at first; what comes twice is told apart among them."""
    known = set(columns)
    once: list[Helper] = []
    each: list[Helper] = []
    read: set[str] = set()
    for helper in mapping.helpers:
        if isinstance(helper, Twice):
            continue
        needs = _reads(helper) | _columns_of(helper, layout)
        if needs <= known:
            once.append(helper)
            known |= _makes(helper)
        else:
            each.append(helper)
            read |= needs
            known -= _makes(helper)
    roots = {rule.target: _roots(rule.sql) for rule in mapping.rules}
    rules_once = frozenset(target for target, names in roots.items() if names <= known)
    for target, names in roots.items():
        if target not in rules_once:
            read |= names
    filled = {name for helper in each if isinstance(helper, MapEntry) for name in _makes(helper)}
    return Split(once, each, rules_once, frozenset(read & (known | filled)))


def made_by(helpers: Iterable[Helper]) -> set[str]:
    """The columns that they make or fill."""
    return set().union(*map(_makes, helpers))


def _roots(sql: str) -> set[str]:
    return set(pl.sql_expr(sql).meta.root_names())


def _makes(helper: Helper) -> set[str]:
    return {helper.matched, helper.residual} if isinstance(helper, Netting) else {helper.name}


def _reads(helper: Helper) -> set[str]:
    """The columns it names."""
    match helper:
        case Product():
            return {helper.left, helper.right} | _roots(helper.needed)
        case Share():
            return set().union(*map(_roots, (helper.amount, helper.part, helper.whole, helper.needed)))
        case Twice():
            return {ROW_ITSELF} | _roots(helper.needed)
        case Lookup():
            return {helper.key}
        case Netting():
            return {ROW_ITSELF, helper.kind, *helper.cost, *helper.keys}
        case ColumnMap():
            return set()
        case JsonMap() | TagKeys():
            return {helper.column}
        case MapEntry():
            return {helper.name, helper.column}


def _columns_of(helper: Helper, layout: Layout) -> set[str]:
    """Those of this file that a map is made of."""
    if not isinstance(helper, ColumnMap):
        return set()
    beside = {name for name in (helper.beside, helper.last) if name is not None and layout.named(name)}
    return beside | {each.name for each in layout.columns if each.name.startswith(helper.prefix)}
