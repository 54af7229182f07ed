"""Dates and times in DuckDB: whole units between two, sums of any number of units, texts that are times."""

from datetime import datetime

from sqlglot import exp

from services.query_engine.domain.dialects.build import (
    Context,
    call,
    cast,
    integer_literal,
    name_of,
    paren,
    require,
    text_literal,
    typed,
)
from services.query_engine.domain.dialects.common import dates as same
from services.query_engine.domain.dialects.common.dates import check_unit, dated, interval_of, unit_of
from services.query_engine.domain.dialects.common.literals import date_literal, moment, timestamp_literal
from services.query_engine.domain.dialects.common.rewriting import Rewrite
from services.query_engine.domain.dialects.duckdb.casts import DATE, TIMESTAMP, checked
from services.query_engine.domain.errors import INVALID_CAST, refuse
from services.query_engine.domain.syntax import position_of
from services.query_engine.domain.types import TEMPORAL, Family

# Unit -> DuckDB's function of a number of them, and how many of its units one is.
_UNITS = {
    "SECOND": ("TO_SECONDS", 1),
    "MINUTE": ("TO_MINUTES", 1),
    "HOUR": ("TO_HOURS", 1),
    "DAY": ("TO_DAYS", 1),
    "WEEK": ("TO_DAYS", 7),
    "MONTH": ("TO_MONTHS", 1),
    "QUARTER": ("TO_MONTHS", 3),
    "YEAR": ("TO_MONTHS", 12),
}
_LONG = {"SECOND", "MINUTE", "HOUR"}
# Directives that are read from a text as they are written to one.
_READ = {"%Y", "%m", "%d", "%H", "%I", "%M", "%S", "%f", "%j", "%b", "%B", "%p", "%y", "%%"}
_READ |= {"%-m", "%-d", "%-H", "%-I"}


def interval(node: exp.Interval, context: Context) -> exp.Expr:
    """INTERVAL '1' MONTH as INTERVAL '1 month', beside a + or a -; the number may be below 0."""
    text = (text_literal(node.this) or "").strip()
    if not text.removeprefix("-").removeprefix("+").isdigit():
        return same.interval(node, context)
    number = int(text)
    node.set("this", exp.Literal.string(str(abs(number))))
    made = same.interval(node, context)
    return made if number >= 0 else interval_of(number, unit_of(node, context))


def addition(node: exp.DateAdd, context: Context) -> exp.Expr:
    """date_add('month', n, x) as x + n months."""
    require(context, node.this, *TEMPORAL, what="date_add")
    unit = unit_of(node, context)
    check_unit(node, node.this, unit, context)
    if (count := integer_literal(node.expression)) is not None:
        span = interval_of(count, unit)
    else:
        require(context, node.expression, Family.INTEGER, what="date_add")
        name, times = _UNITS[unit]
        number = node.expression
        if times > 1:
            number = typed(exp.Mul(this=paren(number), expression=exp.Literal.number(times)), "BIGINT")
        span = call(name, cast(number, "BIGINT" if unit in _LONG else "INTEGER"), returns="INTERVAL")
    made = typed(exp.Add(this=node.this, expression=span), node.this.type)
    return dated(paren(made))


def difference(node: exp.DateDiff, context: Context) -> exp.Expr:
    """date_diff(unit, a, b): whole units from a to b. In the tree, `this` is b."""
    unit = unit_of(node, context)
    later, earlier = node.this, node.expression
    for side in (later, earlier):
        require(context, side, *TEMPORAL, what="date_diff")
        check_unit(node, side, unit, context)
    name = exp.Literal.string(unit.lower())
    return call("DATE_SUB", name, cast(earlier, "TIMESTAMP"), cast(later, "TIMESTAMP"), returns="BIGINT")


def iso_timestamp(node: exp.FromISO8601Timestamp, context: Context) -> exp.Expr:
    require(context, node.this, Family.STRING, what=name_of(node))
    if (text := text_literal(node.this)) is None:
        return cast(checked(node.this, TIMESTAMP), "TIMESTAMP")
    return _known(node, timestamp_literal(text), text, context)


def iso_date(node: exp.FromISO8601Date, context: Context) -> exp.Expr:
    require(context, node.this, Family.STRING, what=name_of(node))
    if (text := text_literal(node.this)) is None:
        return cast(checked(node.this, DATE), "DATE")
    return _known(node, date_literal(text), text, context)


def parsed(node: exp.StrToTime, context: Context) -> exp.Expr:
    """date_parse(text, format), the format in quotes."""
    require(context, node.this, Family.STRING, what="date_parse")
    text, form = text_literal(node.this), text_literal(node.args.get("format"))
    if form is None:
        raise context.unsupported(node, "The format of date_parse is a text in quotes here")
    same.check_directives(node, "date_parse", form, _READ, context)
    if text is None:
        return call("STRPTIME", node.this, exp.Literal.string(form), returns="TIMESTAMP")
    try:
        made: exp.Expr | None = moment(datetime.strptime(text, _plain(form)))  # noqa: DTZ007 - all are UTC
    except ValueError:
        made = None
    return _known(node, made, text, context)


def _plain(form: str) -> str:
    """Python reads 3 and 03 by one directive."""
    return form.replace("%-", "%")


def _known(node: exp.Expr, made: exp.Expr | None, text: str, context: Context) -> exp.Expr:
    if made is None:
        raise refuse(
            INVALID_CAST,
            f"'{text}' is no date or time in UTC",
            at=position_of(context.text, node),
            token=text,
        )
    return made


RULES: dict[type[exp.Expr], Rewrite] = {
    exp.CurrentDate: same.today,
    **dict.fromkeys((exp.CurrentTimestamp, exp.Localtimestamp), same.now),
    **dict.fromkeys((exp.TimestampTrunc, exp.DateTrunc), same.truncation),
    exp.TimeToStr: same.formatted,
    exp.Interval: interval,
    exp.DateAdd: addition,
    exp.DateDiff: difference,
    exp.LastDay: same.month_end,
    exp.FromISO8601Timestamp: iso_timestamp,
    exp.FromISO8601Date: iso_date,
    exp.StrToTime: parsed,
    **dict.fromkeys((exp.Extract, exp.Year, exp.Quarter, exp.Month, exp.WeekOfYear, exp.Day), same.part),
    **dict.fromkeys((exp.DayOfMonth, exp.DayOfWeekIso, exp.DayOfYear), same.part),
    **dict.fromkeys((exp.Hour, exp.Minute, exp.Second), same.part),
}
