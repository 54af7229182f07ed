"""Times by Trino's names: Joda's formats, Unix time, and other zones than UTC."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from sqlglot import exp

from services.query_engine.domain.dialects.build import Context, call, cast, paren, text_literal, typed
from services.query_engine.domain.dialects.common import casts
from services.query_engine.domain.dialects.common.literals import moment
from services.query_engine.domain.dialects.common.rewriting import Rewrite
from services.query_engine.domain.dialects.duckdb.names import Rule, declined, need, text, whole_number
from services.query_engine.domain.types import NUMERIC, TEMPORAL, Family, family

_F = Family
# Joda's letters -> strftime's directives, of those that both write alike.
_JODA = {
    "yyyy": "%Y",
    "YYYY": "%Y",
    "y": "%Y",
    "yy": "%y",
    "xxxx": "%G",
    "M": "%-m",
    "MM": "%m",
    "MMM": "%b",
    "MMMM": "%B",
    "d": "%-d",
    "dd": "%d",
    "DDD": "%j",
    "H": "%-H",
    "HH": "%H",
    "h": "%-I",
    "hh": "%I",
    "m": "%-M",
    "mm": "%M",
    "s": "%-S",
    "ss": "%S",
    "SSS": "%g",
    "SSSSSS": "%f",
    "a": "%p",
    "E": "%a",
    "EEE": "%a",
    "EEEE": "%A",
    "e": "%u",
    "ww": "%V",
}
_TERADATA = {
    "yyyy": "%Y",
    "yy": "%y",
    "mm": "%m",
    "dd": "%d",
    "hh24": "%H",
    "hh": "%I",
    "mi": "%M",
    "ss": "%S",
}
_TOKEN = re.compile(r"'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z']+")
_UTC = {"UTC", "Z", "GMT", "Etc/UTC", "+00:00", "UCT", "Zulu"}
_ZONED = re.compile(r"(\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)?)\s*(.*)")
_OFFSET = re.compile(r"([+-])(\d\d):(\d\d)")
# What reads the clock of a zone, and nothing else of the moment.
_READERS: tuple[type[exp.Expr], ...] = (
    exp.TimeToStr,
    exp.Date,
    exp.Extract,
    exp.Year,
    exp.Quarter,
    exp.Month,
    exp.WeekOfYear,
    exp.Day,
)
_READERS += (exp.DayOfMonth, exp.DayOfWeekIso, exp.DayOfYear, exp.Hour, exp.Minute, exp.Second)
_NAMED_READERS = {"format_datetime", "year_of_week", "yow", "millisecond"}
_TRUNCATIONS = (exp.TimestampTrunc, exp.DateTrunc, exp.Paren)


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _form(node: exp.Expr, written: exp.Expr, context: Context) -> str:
    form = text_literal(written)
    if form is None:
        raise declined(node, context, f"The format of {node.this} is a text in quotes here")
    made = ""
    for found in _TOKEN.finditer(form):
        if found[1] is not None:
            made += (found[1].replace("''", "'") or "'").replace("%", "%%")
        elif not found[2]:
            made += found[0].replace("%", "%%")
        elif (directive := _JODA.get(found[0])) is not None:
            made += directive
        else:
            raise declined(node, context, f"{node.this} does not know {found[0]} here")
    return made


def _format(given: Sequence[exp.Expr], node: exp.Expr, context: Context) -> exp.Expr:
    need(given[0], node, context, *TEMPORAL)
    return call("strftime", given[0], text(_form(node, given[1], context)), returns="VARCHAR")


def _teradata(given: Sequence[exp.Expr], node: exp.Expr, context: Context) -> exp.Expr:
    """to_char(x, 'yyyy-mm-dd hh24:mi:ss')."""
    need(given[0], node, context, *TEMPORAL)
    rest, made = (text_literal(given[1]) or "").lower(), ""
    while rest:
        known = next((each for each in _TERADATA if rest.startswith(each)), None)
        if known is None and (rest[0].isalnum() or rest[0] == "%"):
            raise declined(node, context, f"to_char does not know {rest[:4]} here")
        made += _TERADATA[known] if known else rest[0]
        rest = rest[len(known or rest[0]) :]
    return call("strftime", given[0], text(made), returns="VARCHAR")


def _parse(given: Sequence[exp.Expr], node: exp.Expr, context: Context) -> exp.Expr:
    need(given[0], node, context, _F.STRING)
    return call("strptime", given[0], text(_form(node, given[1], context)), returns="TIMESTAMP")


def _from_unix(given: Sequence[exp.Expr], node: exp.Expr, context: Context) -> exp.Expr:
    """Seconds since 1970, to the millisecond."""
    need(given[0], node, context, *NUMERIC)
    if len(given) > 1 and (text_literal(given[1]) or "") not in _UTC:
        raise declined(
            node, context, "from_unixtime gives UTC here: write from_unixtime(x) AT TIME ZONE 'zone'"
        )
    thousand = exp.Mul(this=exp.Paren(this=cast(given[0], "DECIMAL(38, 6)")), expression=whole_number(1000))
    millis = cast(call("round", thousand, returns=None), "BIGINT")
    return call("epoch_ms", millis, returns="TIMESTAMP")


def _to_unix(given: Sequence[exp.Expr], node: exp.Expr, context: Context) -> exp.Expr:
    need(given[0], node, context, *TEMPORAL)
    return call("epoch", cast(given[0], "TIMESTAMP"), returns="DOUBLE")


def _to_iso(given: Sequence[exp.Expr], node: exp.Expr, context: Context) -> exp.Expr:
    need(given[0], node, context, *TEMPORAL)
    form = "%Y-%m-%d" if family(given[0]) is _F.DATE else "%Y-%m-%dT%H:%M:%S.%g"
    return call("strftime", given[0], text(form), returns="VARCHAR")


def _part(name: str) -> Rule:
    def rule(given: Sequence[exp.Expr], node: exp.Expr, context: Context) -> exp.Expr:
        need(given[0], node, context, *TEMPORAL)
        return cast(call(name, given[0], returns=None), "BIGINT")

    return rule


def _millisecond(given: Sequence[exp.Expr], node: exp.Expr, context: Context) -> exp.Expr:
    need(given[0], node, context, _F.TIMESTAMP)
    found = call("millisecond", given[0], returns="BIGINT")
    return paren(typed(exp.Mod(this=found, expression=whole_number(1000)), exp.DType.BIGINT))


def _zoned(given: Sequence[exp.Expr], node: exp.Expr, context: Context) -> exp.Expr:
    return _at_zone(node, given[0], given[1], context)


def _with_zone(given: Sequence[exp.Expr], node: exp.Expr, context: Context) -> exp.Expr:
    if text_literal(given[1]) not in _UTC:
        raise declined(node, context, "with_timezone takes UTC here: times have no zone and are UTC")
    return given[0]


def _at_zone(node: exp.Expr, value: exp.Expr, zone: exp.Expr, context: Context) -> exp.Expr:
    """The clock of a zone. It is a moment no more, so only what reads clocks may read it."""
    name = text_literal(zone)
    if family(value) not in (*TEMPORAL, _F.NULL):
        raise context.mismatch(node, f"A time zone is given to a timestamp, not to {family(value).value}")
    if name in _UTC:
        return cast(value, "TIMESTAMP")
    offset = _OFFSET.fullmatch(name or "")
    if name is None or (offset is None and name not in _zones()):
        raise context.unsupported(node, "A time zone is a name in quotes here, as in 'America/New_York'")
    if not _read_as_clock(node):
        raise context.unsupported(
            node, f"Times are UTC here: write CAST(x AT TIME ZONE '{name}' AS timestamp) for the clock there"
        )
    instant = cast(value, "TIMESTAMP")
    if offset:
        minutes = (int(offset[2]) * 60 + int(offset[3])) * (-1 if offset[1] == "-" else 1)
        span = call("to_minutes", whole_number(minutes), returns="INTERVAL")
        return paren(typed(exp.Add(this=instant, expression=span), exp.DType.TIMESTAMP))
    return call(
        "timezone", text(name), call("timezone", text("UTC"), instant, returns=None), returns="TIMESTAMP"
    )


def _read_as_clock(node: exp.Expr) -> bool:
    parent = node.parent
    if isinstance(parent, (*_TRUNCATIONS, exp.Alias)):
        return _read_as_clock(parent)
    if isinstance(parent, exp.Group | exp.Ordered):
        return True
    if isinstance(parent, exp.Select):
        # Seen by the caller, and by no other query that could take it for a moment.
        return parent.parent is None
    if isinstance(parent, exp.Cast):
        return parent.to.this in (exp.DType.DATE, exp.DType.TIMESTAMP)
    return isinstance(parent, _READERS) or (
        isinstance(parent, exp.Anonymous) and str(parent.this).lower() in _NAMED_READERS
    )


def zoned_conversion(node: exp.Cast | exp.TryCast, context: Context) -> exp.Expr:
    """A timestamp with a zone is the moment, in UTC."""
    value, source = node.this, family(node.this)
    if source in (*TEMPORAL, _F.NULL):
        return cast(value, "TIMESTAMP")
    written = text_literal(value)
    if source is not _F.STRING or written is None:
        raise context.unsupported(node, "A time with a zone is a text in quotes here")
    found = _ZONED.fullmatch(written.strip())
    zone = None if found is None else _zone(found[2])
    try:
        local = datetime.fromisoformat(found[1]) if found else None
    except ValueError:
        local = None
    if local is None or zone is None:
        if isinstance(node, exp.TryCast):
            return cast(exp.Null(), "TIMESTAMP")
        raise casts.invalid(value, written, "timestamp (YYYY-MM-DD hh:mm:ss zone)", context)
    return moment(local.replace(tzinfo=zone).astimezone(UTC).replace(tzinfo=None))


def _zone(name: str | None) -> tzinfo | None:
    if not name or name in _UTC:
        return UTC
    if offset := re.fullmatch(r"([+-])(\d\d?):?(\d\d)?", name):
        minutes = int(offset[2]) * 60 + int(offset[3] or 0)
        return timezone(timedelta(minutes=-minutes if offset[1] == "-" else minutes))
    return ZoneInfo(name) if name in _zones() else None


NAMES: dict[str, Rule] = {
    "format_datetime": _format,
    "parse_datetime": _parse,
    "to_char": _teradata,
    "from_unixtime": _from_unix,
    "to_unixtime": _to_unix,
    "to_iso8601": _to_iso,
    "at_timezone": _zoned,
    "with_timezone": _with_zone,
    "current_timezone": lambda given, node, context: text("UTC"),
    "year_of_week": _part("isoyear"),
    "yow": _part("isoyear"),
    "millisecond": _millisecond,
}


def at_time_zone(node: exp.AtTimeZone, context: Context) -> exp.Expr:
    return _at_zone(node, node.this, node.args["zone"], context)


RULES: dict[type[exp.Expr], Rewrite] = {exp.AtTimeZone: at_time_zone}
