"""Dates and times in any engine: all in UTC; the moment of planning is "now"; units are written out."""

from sqlglot import exp

from services.query_engine.domain.dialects.build import (
    Context,
    binary,
    call,
    cast,
    require,
    text_literal,
    typed,
)
from services.query_engine.domain.dialects.common.literals import moment
from services.query_engine.domain.types import TEMPORAL, Family, family

DATE_UNITS = {"DAY", "WEEK", "MONTH", "QUARTER", "YEAR"}
TIME_UNITS = {"SECOND", "MINUTE", "HOUR"}

# Directives of strftime (to which sqlglot turns MySQL's) that mean the same in Polars.
_DIRECTIVES = {"%Y", "%y", "%m", "%d", "%H", "%I", "%M", "%S", "%j", "%b", "%B", "%a", "%A", "%p", "%%"}
_OF_THE_DAY = ("%H", "%I", "%M", "%S", "%p", "%-H", "%-I")
"""Polars does not write the time of a date, which is midnight."""
_DIRECTIVES |= {"%-m", "%-d", "%-H", "%-I"}

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


def unit_of(node: exp.Expr, context: Context) -> str:
    unit = str(node.args["unit"].name).upper().removesuffix("S") if node.args.get("unit") else "DAY"
    if unit not in DATE_UNITS | TIME_UNITS:
        raise context.unsupported(node, f"The unit {unit.lower()} is not supported here")
    return unit


def check_unit(node: exp.Expr, value: exp.Expr, unit: str, context: Context) -> None:
    if unit in TIME_UNITS and family(value) is Family.DATE:
        raise context.mismatch(node, f"A date has no {unit.lower()}: cast it to a timestamp")


def dated(node: exp.Expr) -> exp.Expr:
    """The engines turn sums of a date and an interval into a timestamp; in Trino they stay dates."""
    return cast(node, "DATE") if family(node) is Family.DATE else node


def today(node: exp.Expr, context: Context) -> exp.Expr:
    return cast(exp.Literal.string(context.now.date().isoformat()), "DATE")


def now(node: exp.Expr, context: Context) -> exp.Expr:
    return moment(context.now)


def truncation(node: exp.TimestampTrunc | exp.DateTrunc, context: Context) -> exp.Expr:
    require(context, node.this, *TEMPORAL, what="date_trunc")
    unit = unit_of(node, context)
    check_unit(node, node.this, unit, context)
    made = call("DATE_TRUNC", exp.Literal.string(unit.lower()), node.this, returns=node.this.type)
    return dated(made)


def formatted(node: exp.TimeToStr, context: Context) -> exp.Expr:
    require(context, node.this, *TEMPORAL, what="date_format")
    form = text_literal(node.args.get("format"))
    if form is None:
        raise context.unsupported(node, "The format of date_format is a text in quotes here")
    check_directives(node, "date_format", form, _DIRECTIVES, context)
    value = node.this
    if family(value) is Family.DATE and any(each in form for each in _OF_THE_DAY):
        value = cast(value, "TIMESTAMP")
    return call("STRFTIME", value, exp.Literal.string(form), returns="VARCHAR")


def check_directives(node: exp.Expr, name: str, form: str, known: set[str], context: Context) -> None:
    """Raises BadRequest (UNSUPPORTED_SQL) for a directive of strftime that is not in `known`."""
    at = 0
    while (at := form.find("%", at)) >= 0:
        directive = form[at : at + 3] if form[at + 1 : at + 2] == "-" else form[at : at + 2]
        if directive not in known:
            raise context.unsupported(node, f"{name} does not know {directive} here")
        at += len(directive)


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
    unit = unit_of(node, context)
    if not isinstance(node.parent, exp.Add | exp.Sub):
        raise context.unsupported(node, "An interval is added to a date or taken from it")
    other = node.parent.this if node.arg_key == "expression" else node.parent.expression
    check_unit(node, other, unit, context)
    return interval_of(int(text), unit)


def interval_of(count: int, unit: str) -> exp.Expr:
    if unit == "QUARTER":
        count, unit = count * 3, "MONTH"
    return typed(exp.Interval(this=exp.Literal.string(f"{count} {unit.lower()}")), exp.DType.INTERVAL)


def month_end(node: exp.LastDay, context: Context) -> exp.Expr:
    require(context, node.this, *TEMPORAL, what="last_day_of_month")
    first = call("DATE_TRUNC", exp.Literal.string("month"), cast(node.this, "DATE"), returns="DATE")
    following = cast(binary(exp.Add, first, interval_of(1, "MONTH"), "DATE"), "DATE")
    return cast(binary(exp.Sub, following, interval_of(1, "DAY"), "DATE"), "DATE")
