"""Dates and times: all in UTC; the moment of planning is "now"; intervals and units are written out."""

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
from services.query_engine.domain.dialects.polars.arithmetic import dated
from services.query_engine.domain.dialects.polars.comparisons import date_literal, moment, timestamp_literal
from services.query_engine.domain.errors import INVALID_CAST, refuse
from services.query_engine.domain.syntax import position_of
from services.query_engine.domain.types import TEMPORAL, Family, family

DATE_UNITS = {"DAY", "WEEK", "MONTH", "QUARTER", "YEAR"}
TIME_UNITS = {"SECOND", "MINUTE", "HOUR"}

# Directives of strftime (to which sqlglot turns MySQL's) that mean the same in Polars.
_DIRECTIVES = {"%Y", "%y", "%m", "%d", "%H", "%I", "%M", "%S", "%j", "%b", "%B", "%a", "%A", "%p", "%%"}
_DIRECTIVES |= {"%-m", "%-d", "%-H", "%-I"}

_MICROSECONDS = {"SECOND": 10**6, "MINUTE": 60 * 10**6, "HOUR": 3600 * 10**6, "DAY": 86_400 * 10**6}

# Function -> what Polars extracts.
_PARTS: dict[type[exp.Expr], str] = {
    exp.Year: "YEAR",
    exp.Quarter: "QUARTER",
    exp.Month: "MONTH",
    exp.WeekOfYear: "WEEK",
    exp.Day: "DAY",
    exp.DayOfMonth: "DAY",
    exp.DayOfWeekIso: "ISODOW",
    exp.DayOfYear: "DOY",
    exp.Hour: "HOUR",
    exp.Minute: "MINUTE",
    exp.Second: "SECOND",
}
# Trino's fields of EXTRACT -> Polars'.
_FIELDS = {
    "YEAR": "YEAR",
    "QUARTER": "QUARTER",
    "MONTH": "MONTH",
    "WEEK": "WEEK",
    "DAY": "DAY",
    "DAY_OF_MONTH": "DAY",
    "DAY_OF_WEEK": "ISODOW",
    "DOW": "ISODOW",
    "DAY_OF_YEAR": "DOY",
    "DOY": "DOY",
    "HOUR": "HOUR",
    "MINUTE": "MINUTE",
    "SECOND": "SECOND",
}


def _unit(node: exp.Expr, context: Context) -> str:
    unit = str(node.args["unit"].name).upper().removesuffix("S") if node.args.get("unit") else "DAY"
    if unit not in DATE_UNITS | TIME_UNITS:
        raise context.unsupported(node, f"The unit {unit.lower()} is not supported here")
    return unit


def _check_unit(node: exp.Expr, value: exp.Expr, unit: str, context: Context) -> None:
    if unit in TIME_UNITS and family(value) is Family.DATE:
        raise context.mismatch(node, f"A date has no {unit.lower()}: cast it to a timestamp")


def today(node: exp.Expr, context: Context) -> exp.Expr:
    return cast(exp.Literal.string(context.now.date().isoformat()), "DATE")


def now(node: exp.Expr, context: Context) -> exp.Expr:
    return moment(context.now)


def truncation(node: exp.TimestampTrunc | exp.DateTrunc, context: Context) -> exp.Expr:
    require(context, node.this, *TEMPORAL, what="date_trunc")
    unit = _unit(node, context)
    _check_unit(node, node.this, unit, context)
    made = call("DATE_TRUNC", exp.Literal.string(unit.lower()), node.this, returns=node.this.type)
    return dated(made)


def formatted(node: exp.TimeToStr, context: Context) -> exp.Expr:
    require(context, node.this, *TEMPORAL, what="date_format")
    form = text_literal(node.args.get("format"))
    if form is None:
        raise context.unsupported(node, "The format of date_format is a text in quotes here")
    at = 0
    while (at := form.find("%", at)) >= 0:
        directive = form[at : at + 3] if form[at + 1 : at + 2] == "-" else form[at : at + 2]
        if directive not in _DIRECTIVES:
            raise context.unsupported(node, f"date_format does not know {directive} here")
        at += len(directive)
    return call("STRFTIME", node.this, exp.Literal.string(form), returns="VARCHAR")


def part(node: exp.Expr, context: Context) -> exp.Expr:
    """year(x), month(x), ... and EXTRACT(field FROM x)."""
    if isinstance(node, exp.Extract):
        value, field = node.expression, _FIELDS.get(str(node.this.name).upper())
        if field is None:
            raise context.unsupported(node, f"EXTRACT of {node.this.name.lower()} is not supported here")
    else:
        value, field = node.this, _PARTS[type(node)]
    require(context, value, *TEMPORAL, what=field.lower())
    if field in TIME_UNITS and family(value) is Family.DATE:
        raise context.mismatch(node, f"A date has no {field.lower()}: cast it to a timestamp")
    return cast(exp.Extract(this=exp.var(field), expression=value), "BIGINT")


def interval(node: exp.Interval, context: Context) -> exp.Expr:
    """INTERVAL '1' MONTH as INTERVAL '1 month', beside a + or a -."""
    text = text_literal(node.this)
    if text is None or not text.strip().isdigit():
        raise context.unsupported(
            node, "An interval is a whole number in quotes and a unit, after + or -: - INTERVAL '1' MONTH"
        )
    unit = _unit(node, context)
    if not isinstance(node.parent, exp.Add | exp.Sub):
        raise context.unsupported(node, "An interval is added to a date or taken from it")
    other = node.parent.this if node.arg_key == "expression" else node.parent.expression
    _check_unit(node, other, unit, context)
    return _interval(int(text), unit)


def _interval(count: int, unit: str) -> exp.Expr:
    if unit == "QUARTER":
        count, unit = count * 3, "MONTH"
    return typed(exp.Interval(this=exp.Literal.string(f"{count} {unit.lower()}")), exp.DType.INTERVAL)


def addition(node: exp.DateAdd, context: Context) -> exp.Expr:
    """date_add('month', 2, x) as x + INTERVAL '2 month'."""
    require(context, node.this, *TEMPORAL, what="date_add")
    unit = _unit(node, context)
    _check_unit(node, node.this, unit, context)
    count = integer_literal(node.expression)
    if count is None:
        raise context.unsupported(node, "date_add takes a whole number as its count here")
    # Polars reads no minus sign in an interval.
    kind = exp.Add if count >= 0 else exp.Sub
    made = kind(this=node.this, expression=_interval(abs(count), unit))
    return dated(paren(typed(made, node.this.type)))


def difference(node: exp.DateDiff, context: Context) -> exp.Expr:
    """date_diff(unit, a, b): whole units from a to b. In the tree, `this` is b."""
    unit = _unit(node, context)
    later, earlier = node.this, node.expression
    for side in (later, earlier):
        require(context, side, *TEMPORAL, what="date_diff")
    if unit == "WEEK":
        days = _elapsed(earlier, later, "DAY")
        return call("DIV", days, exp.Literal.number(7), returns="BIGINT")
    if unit not in _MICROSECONDS:
        raise context.unsupported(node, f"date_diff of {unit.lower()}s is not supported here")
    for side in (later, earlier):
        _check_unit(node, side, unit, context)
    return _elapsed(earlier, later, unit)


def _elapsed(earlier: exp.Expr, later: exp.Expr, unit: str) -> exp.Expr:
    def ticks(side: exp.Expr) -> exp.Expr:
        return cast(cast(side, "TIMESTAMP"), "BIGINT")

    between = binary(exp.Sub, ticks(later), ticks(earlier), "BIGINT")
    return call("DIV", between, exp.Literal.number(_MICROSECONDS[unit]), returns="BIGINT")


def month_end(node: exp.LastDay, context: Context) -> exp.Expr:
    require(context, node.this, *TEMPORAL, what="last_day_of_month")
    first = call("DATE_TRUNC", exp.Literal.string("month"), cast(node.this, "DATE"), returns="DATE")
    following = cast(binary(exp.Add, first, _interval(1, "MONTH"), "DATE"), "DATE")
    return cast(binary(exp.Sub, following, _interval(1, "DAY"), "DATE"), "DATE")


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
