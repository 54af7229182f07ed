"""Between which bounds an expression over one column lies, where the column's own bounds are known.

Only functions that never turn an order round: the bounds of f(x) are then f of the bounds of x.
"""

from collections.abc import Callable
from datetime import date, datetime
from typing import NamedTuple

from sqlglot import exp

from services.query_engine.domain.constants import as_moment, truncated, unit_of
from services.query_engine.domain.facts import Value


class Bounds(NamedTuple):
    """`low` and `high` as in ColumnFacts; whether a null, and whether a value, may be there."""

    low: Value | None = None
    high: Value | None = None
    null: bool = True
    value: bool = True


UNKNOWN = Bounds()
ABSENT = Bounds(value=False)
"""Of a column that a file does not have: it reads as null."""

Lookup = Callable[[str], Bounds]
"""The bounds of a column by its lower case name."""
Range = Callable[[Lookup], Bounds]

_TEXTS = (exp.DType.VARCHAR, exp.DType.TEXT)
_FEW = 100
_FORMATS: dict[str, Callable[[date], str]] = {
    "%Y": lambda day: f"{day.year:04}",
    "%Y-%m": lambda day: f"{day.year:04}-{day.month:02}",
    "%Y%m": lambda day: f"{day.year:04}{day.month:02}",
    "%Y-%m-%d": lambda day: f"{day.year:04}-{day.month:02}-{day.day:02}",
    "%Y%m%d": lambda day: f"{day.year:04}{day.month:02}{day.day:02}",
}
"""Texts that sort as the days do."""


def range_of(node: exp.Expr, source: str) -> Range | None:
    """The range of `node` over a column of `source` (an alias); None for what is not worked out here."""
    match node:
        case exp.Paren():
            return range_of(node.this, source)
        case exp.Column():
            name = node.name.lower()
            return (lambda lookup: lookup(name)) if node.table == source else None
        case exp.Cast():
            return _cast(node, source)
        case exp.Date() if not node.expressions and not node.args.get("zone"):
            return _monotone(node.this, source, _day)
        case exp.TimestampTrunc() | exp.DateTrunc():
            unit = unit_of(node)
            return _monotone(node.this, source, lambda value: truncated(value, unit))
        case exp.Year():
            return _monotone(node.this, source, _year)
        case exp.Month():
            return _months(node.this, source)
        case exp.Extract() if node.name.upper() == "YEAR":
            return _monotone(node.expression, source, _year)
        case exp.Extract() if node.name.upper() == "MONTH":
            return _months(node.expression, source)
        case exp.TimeToStr() if written := _FORMATS.get(node.args["format"].name):
            return _monotone(node.this, source, lambda value: _written(value, written))
    return None


def _cast(node: exp.Cast, source: str) -> Range | None:
    to = node.to
    if to.expressions:
        return None  # It rounds, or cuts.
    if to.this is exp.DType.DATE:
        return _monotone(node.this, source, _day)
    if to.this is exp.DType.TIMESTAMP:
        return _monotone(node.this, source, _midnight)
    if to.this in _TEXTS:
        return _texts(node.this, source)
    return None


def _monotone(node: exp.Expr, source: str, apply: Callable[[Value], Value | None]) -> Range | None:
    inner = range_of(node, source)
    if inner is None:
        return None

    def bounds(lookup: Lookup) -> Bounds:
        low, high, null, value = inner(lookup)
        return Bounds(_applied(apply, low), _applied(apply, high), null, value)

    return bounds


def _applied(apply: Callable[[Value], Value | None], value: Value | None) -> Value | None:
    try:
        return None if value is None else apply(value)
    except (ValueError, OverflowError):
        return None


def _months(node: exp.Expr, source: str) -> Range | None:
    inner = range_of(node, source)
    if inner is None:
        return None

    def bounds(lookup: Lookup) -> Bounds:
        low, high, null, value = inner(lookup)
        if not isinstance(low, date) or not isinstance(high, date) or low.year != high.year:
            return Bounds(null=null, value=value)
        return Bounds(low.month, high.month, null, value)

    return bounds


def _texts(node: exp.Expr, source: str) -> Range | None:
    """A text is itself; of a few integers the first and the last in the order of texts."""
    inner = range_of(node, source)
    if inner is None:
        return None

    def bounds(lookup: Lookup) -> Bounds:
        low, high, null, value = inner(lookup)
        if isinstance(low, str) or isinstance(high, str):
            return Bounds(low, high, null, value)
        if type(low) is int and type(high) is int and high - low < _FEW:
            written = [str(each) for each in range(low, high + 1)]
            return Bounds(min(written), max(written), null, value)
        return Bounds(null=null, value=value)

    return bounds


def _day(value: Value) -> Value | None:
    if isinstance(value, datetime):
        return value.date()
    return value if isinstance(value, date) else None


def _midnight(value: Value) -> Value | None:
    return as_moment(value) if isinstance(value, date) else None


def _year(value: Value) -> Value | None:
    return value.year if isinstance(value, date) else None


def _written(value: Value, write: Callable[[date], str]) -> str | None:
    return write(value) if isinstance(value, date) else None
