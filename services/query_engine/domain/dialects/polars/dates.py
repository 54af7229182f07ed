"""Sums and differences of times, and texts that are times, as far as Polars has them."""

from datetime import datetime

from sqlglot import exp

from services.query_engine.domain.dialects.build import (
    Context,
    binary,
    call,
    cast,
    integer_literal,
    name_of,
    paren,
    require,
    text_literal,
    typed,
)
from services.query_engine.domain.dialects.common import dates as common
from services.query_engine.domain.dialects.common.dates import check_unit, dated, interval_of, unit_of
from services.query_engine.domain.dialects.common.literals import date_literal, moment, timestamp_literal
from services.query_engine.domain.errors import INVALID_CAST, refuse
from services.query_engine.domain.syntax import position_of
from services.query_engine.domain.types import TEMPORAL

_MICROSECONDS = {"SECOND": 10**6, "MINUTE": 60 * 10**6, "HOUR": 3600 * 10**6, "DAY": 86_400 * 10**6}
_DAY = 86_400 * 10**9

# Part of the clock -> its nanoseconds, and how many there are of it in the next larger one.
_CLOCK = {"HOUR": (3600 * 10**9, 24), "MINUTE": (60 * 10**9, 60), "SECOND": (10**9, 60)}


def part(node: exp.Expr, context: Context) -> exp.Expr:
    """year(x), hour(x), ... and EXTRACT(field FROM x)."""
    made = common.part(node, context)
    extract = made.this
    if extract.this.name not in _CLOCK:
        return made
    # By the time of day: Polars' own makes a whole date of each moment, at five times the cost.
    size, count = _CLOCK[extract.this.name]
    time = cast(cast(extract.expression, "TIME"), "BIGINT")
    units = call("DIV", time, exp.Literal.number(size), returns="BIGINT")
    return units if size * count == _DAY else binary(exp.Mod, units, exp.Literal.number(count), "BIGINT")


def addition(node: exp.DateAdd, context: Context) -> exp.Expr:
    """date_add('month', 2, x) as x + INTERVAL '2 month'."""
    require(context, node.this, *TEMPORAL, what="date_add")
    unit = unit_of(node, context)
    check_unit(node, node.this, unit, context)
    count = integer_literal(node.expression)
    if count is None:
        raise context.unsupported(node, "date_add takes a whole number as its count here")
    # Polars reads no minus sign in an interval.
    kind = exp.Add if count >= 0 else exp.Sub
    made = kind(this=node.this, expression=interval_of(abs(count), unit))
    return dated(paren(typed(made, node.this.type)))


def difference(node: exp.DateDiff, context: Context) -> exp.Expr:
    """date_diff(unit, a, b): whole units from a to b. In the tree, `this` is b."""
    unit = unit_of(node, context)
    later, earlier = node.this, node.expression
    for side in (later, earlier):
        require(context, side, *TEMPORAL, what="date_diff")
    if unit == "WEEK":
        days = _elapsed(earlier, later, "DAY")
        return call("DIV", days, exp.Literal.number(7), returns="BIGINT")
    if unit not in _MICROSECONDS:
        raise context.unsupported(node, f"date_diff of {unit.lower()}s is not supported here")
    for side in (later, earlier):
        check_unit(node, side, unit, context)
    return _elapsed(earlier, later, unit)


def _elapsed(earlier: exp.Expr, later: exp.Expr, unit: str) -> exp.Expr:
    def ticks(side: exp.Expr) -> exp.Expr:
        return cast(cast(side, "TIMESTAMP"), "BIGINT")

    between = binary(exp.Sub, ticks(later), ticks(earlier), "BIGINT")
    return call("DIV", between, exp.Literal.number(_MICROSECONDS[unit]), returns="BIGINT")


def iso_timestamp(node: exp.FromISO8601Timestamp, context: Context) -> exp.Expr:
    return _parsed(node, timestamp_literal(text_literal(node.this) or ""), context)


def iso_date(node: exp.FromISO8601Date, context: Context) -> exp.Expr:
    return _parsed(node, date_literal(text_literal(node.this) or ""), context)


def parsed(node: exp.StrToTime, context: Context) -> exp.Expr:
    """date_parse of a text in quotes."""
    text, form = text_literal(node.this), text_literal(node.args.get("format"))
    made = None
    if text is not None and form is not None:
        try:
            made = moment(datetime.strptime(text, form))  # noqa: DTZ007 - SQL timestamps here are UTC
        except ValueError:
            made = None
    return _parsed(node, made, context)


def _parsed(node: exp.Expr, made: exp.Expr | None, context: Context) -> exp.Expr:
    text = text_literal(node.this)
    if text is None:
        raise context.unsupported(node, f"{name_of(node)} takes a text in quotes here")
    if made is None:
        raise refuse(
            INVALID_CAST,
            f"'{text}' is no date or time in UTC",
            at=position_of(context.text, node),
            token=text,
        )
    return made
