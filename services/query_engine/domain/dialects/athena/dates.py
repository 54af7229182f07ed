"""Dates and times: Trino's own functions, over timestamps of microseconds in UTC."""

import re

from sqlglot import exp

from services.query_engine.domain.dialects.build import (
    Context,
    call,
    cast,
    name_of,
    require,
    text_literal,
    typed,
)
from services.query_engine.domain.dialects.common import dates as same
from services.query_engine.domain.dialects.common.dates import TIME_UNITS, check_unit, unit_of
from services.query_engine.domain.dialects.common.literals import date_literal, timestamp_literal
from services.query_engine.domain.dialects.common.rewriting import Rewrite
from services.query_engine.domain.errors import INVALID_CAST, refuse
from services.query_engine.domain.syntax import position_of
from services.query_engine.domain.types import TEMPORAL, Family, family

_PARTS: dict[type[exp.Expr], str] = {
    exp.Year: "YEAR",
    exp.Quarter: "QUARTER",
    exp.Month: "MONTH",
    exp.WeekOfYear: "WEEK",
    exp.Day: "DAY",
    exp.DayOfMonth: "DAY",
    exp.DayOfWeekIso: "DAY_OF_WEEK",
    exp.DayOfYear: "DAY_OF_YEAR",
    exp.Hour: "HOUR",
    exp.Minute: "MINUTE",
    exp.Second: "SECOND",
}
_FIELDS = {
    **{name: name for name in _PARTS.values()},
    "DAY_OF_MONTH": "DAY",
    "DOW": "DAY_OF_WEEK",
    "DOY": "DAY_OF_YEAR",
}
_INTERVALS = {"WEEK": (7, "DAY"), "QUARTER": (3, "MONTH")}
"""Units that Trino's intervals do not have."""


def interval(node: exp.Interval, context: Context) -> exp.Expr:
    text = (text_literal(node.this) or "").strip()
    if not re.fullmatch(r"[+-]?\d+", text):
        raise context.unsupported(node, "An interval is a whole number in quotes and a unit here")
    unit = unit_of(node, context)
    if isinstance(node.parent, exp.Add | exp.Sub):
        other = node.parent.this if node.arg_key == "expression" else node.parent.expression
        check_unit(node, other, unit, context)
    times, unit = _INTERVALS.get(unit, (1, unit))
    made = exp.Interval(this=exp.Literal.string(str(int(text) * times)), unit=exp.var(unit))
    return typed(made, exp.DType.INTERVAL)


def formatted(node: exp.TimeToStr, context: Context) -> exp.Expr:
    """Checked as for the others; the format is written back as it was."""
    same.formatted(node.copy(), context)
    return typed(node, exp.DType.VARCHAR)


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
    return call(field, value, returns="BIGINT")


def addition(node: exp.DateAdd, context: Context) -> exp.Expr:
    require(context, node.this, *TEMPORAL, what="date_add")
    require(context, node.expression, Family.INTEGER, what="date_add")
    unit = unit_of(node, context)
    check_unit(node, node.this, unit, context)
    name = exp.Literal.string(unit.lower())
    return call("DATE_ADD", name, node.expression, node.this, returns=node.this.type)


def difference(node: exp.DateDiff, context: Context) -> exp.Expr:
    """date_diff(unit, a, b): whole units from a to b. In the tree, `this` is b."""
    unit = unit_of(node, context)
    later, earlier = node.this, node.expression
    for side in (later, earlier):
        require(context, side, *TEMPORAL, what="date_diff")
        check_unit(node, side, unit, context)
    name = exp.Literal.string(unit.lower())
    return call("DATE_DIFF", name, cast(earlier, "TIMESTAMP"), cast(later, "TIMESTAMP"), returns="BIGINT")


def month_end(node: exp.LastDay, context: Context) -> exp.Expr:
    require(context, node.this, *TEMPORAL, what="last_day_of_month")
    return call("LAST_DAY_OF_MONTH", node.this, returns="DATE")


def iso_timestamp(node: exp.FromISO8601Timestamp, context: Context) -> exp.Expr:
    """In Trino it has a zone; here it is UTC and has none."""
    require(context, node.this, Family.STRING, what=name_of(node))
    if (text := text_literal(node.this)) is not None:
        return _known(node, timestamp_literal(text), text, context)
    zoned = call("FROM_ISO8601_TIMESTAMP", node.this, returns=None)
    return cast(call("AT_TIMEZONE", zoned, exp.Literal.string("UTC"), returns=None), "TIMESTAMP")


def iso_date(node: exp.FromISO8601Date, context: Context) -> exp.Expr:
    require(context, node.this, Family.STRING, what=name_of(node))
    if (text := text_literal(node.this)) is not None:
        return _known(node, date_literal(text), text, context)
    return call("FROM_ISO8601_DATE", node.this, returns="DATE")


def parsed(node: exp.StrToTime, context: Context) -> exp.Expr:
    """date_parse(text, format), the format in quotes."""
    require(context, node.this, Family.STRING, what="date_parse")
    if text_literal(node.args.get("format")) is None:
        raise context.unsupported(node, "The format of date_parse is a text in quotes here")
    return cast(node.copy(), "TIMESTAMP")


def _known(node: exp.Expr, made: exp.Expr | None, text: str, context: Context) -> exp.Expr:
    if made is not None:
        return made
    at = position_of(context.text, node)
    raise refuse(INVALID_CAST, f"'{text}' is no date or time in UTC", at=at, token=text)


RULES: dict[type[exp.Expr], Rewrite] = {
    exp.CurrentDate: same.today,
    **dict.fromkeys((exp.CurrentTimestamp, exp.Localtimestamp), same.now),
    **dict.fromkeys((exp.TimestampTrunc, exp.DateTrunc), same.truncation),
    exp.TimeToStr: formatted,
    exp.Interval: interval,
    exp.DateAdd: addition,
    exp.DateDiff: difference,
    exp.LastDay: month_end,
    exp.FromISO8601Timestamp: iso_timestamp,
    exp.FromISO8601Date: iso_date,
    exp.StrToTime: parsed,
    **dict.fromkeys((exp.Extract, *_PARTS), part),
}
