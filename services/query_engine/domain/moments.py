"""The moment that FOR TIMESTAMP AS OF names, worked out when the query is planned."""

import calendar
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlglot import exp

from services.query_engine.domain.errors import AS_OF_IN_FUTURE, TYPE_MISMATCH, UNSUPPORTED_SQL, refuse
from services.query_engine.domain.syntax import position_of
from shared.clock import iso

_ZONED = re.compile(
    r"(?P<stamp>\d{4}-\d\d?-\d\d?(?:[ T][\d:.]+)?)\s*(?P<zone>Z|[+-]\d\d:\d\d|[A-Za-z]\w*(?:/\w+)*)?"
)
_STEPS: Mapping[str, timedelta] = {
    "WEEK": timedelta(weeks=1),
    "DAY": timedelta(days=1),
    "HOUR": timedelta(hours=1),
    "MINUTE": timedelta(minutes=1),
    "SECOND": timedelta(seconds=1),
}
_MONTHS: Mapping[str, int] = {"MONTH": 1, "QUARTER": 3, "YEAR": 12}
_STARTS: Mapping[str, Callable[[datetime], datetime]] = {
    "HOUR": lambda at: at.replace(minute=0, second=0, microsecond=0),
    "DAY": lambda at: _midnight(at),
    "WEEK": lambda at: _midnight(at) - timedelta(days=at.weekday()),
    "MONTH": lambda at: _midnight(at).replace(day=1),
    "QUARTER": lambda at: _midnight(at).replace(month=at.month - (at.month - 1) % 3, day=1),
    "YEAR": lambda at: _midnight(at).replace(month=1, day=1),
}


class _NoMoment(Exception):  # noqa: N818 - never leaves this module
    """An expression that is not one of literals and the clock."""


def fold_moments(text: str, statement: exp.Query, now: datetime) -> None:
    """Put the moment (ISO 8601, UTC) in place of the expression of every FOR TIMESTAMP AS OF.

    A timestamp without a zone is UTC, a date its first instant. Raises BadRequest: UNSUPPORTED_SQL (another
    kind of version, an expression that names a column), TYPE_MISMATCH, AS_OF_IN_FUTURE.
    """
    for version in list(statement.find_all(exp.Version)):
        table = version.parent
        if str(version.this).upper() != "TIMESTAMP" or version.args.get("kind") != "AS OF":
            raise refuse(
                UNSUPPORTED_SQL,
                "Only FOR TIMESTAMP AS OF a moment is supported here: versions have no numbers of their own",
                at=position_of(text, table),
            )
        moment = _moment_of(text, version, now)
        if moment > now:
            raise refuse(
                AS_OF_IN_FUTURE,
                f"The moment {iso(moment)} is later than now, {iso(now)}",
                at=position_of(text, version),
            )
        version.set("expression", exp.Literal.string(moment.isoformat()))


def moment_in(version: exp.Version) -> datetime:
    """What `fold_moments` put there."""
    return datetime.fromisoformat(version.expression.name)


def _moment_of(text: str, version: exp.Version, now: datetime) -> datetime:
    try:
        return _value(version.expression, now)
    except _NoMoment as error:
        raise refuse(
            UNSUPPORTED_SQL,
            "FOR TIMESTAMP AS OF takes TIMESTAMP '2026-11-01 00:00:00 UTC', a DATE, or an expression of these"
            " and current_timestamp",
            at=position_of(text, version),
        ) from error
    except (ValueError, OverflowError) as error:
        raise refuse(
            TYPE_MISMATCH, "FOR TIMESTAMP AS OF: this is no moment", at=position_of(text, version)
        ) from error


def _value(node: exp.Expr | None, now: datetime) -> datetime:
    match node:
        case exp.Paren() | exp.AtTimeZone():
            return _value(node.this, now)
        case exp.CurrentTimestamp() | exp.Localtimestamp():
            return now
        case exp.CurrentDate():
            return _midnight(now)
        case exp.FromISO8601Timestamp() if isinstance(node.this, exp.Literal):
            return _parsed(node.this.name)
        case exp.Cast() if node.to.this in exp.DataType.TEMPORAL_TYPES:
            inner = node.this
            text = isinstance(inner, exp.Literal) and inner.is_string
            found = _parsed(inner.name) if text else _value(inner, now)
            return _midnight(found) if node.to.this == exp.DType.DATE else found
        case exp.Date() | exp.TsOrDsToDate():
            return _midnight(_value(node.this, now))
        case exp.Add() | exp.Sub() if isinstance(node.expression, exp.Interval):
            sign = -1 if isinstance(node, exp.Sub) else 1
            count, unit = node.expression.this, node.expression.args.get("unit")
            return _moved(_value(node.this, now), sign * _count(count), str(unit))
        case exp.DateAdd() | exp.TsOrDsAdd():
            unit = node.args.get("unit") or "DAY"
            return _moved(_value(node.this, now), _count(node.expression), str(unit))
        case exp.TimestampTrunc() | exp.DateTrunc():
            unit = node.args.get("unit")
            start = _STARTS.get(unit.name.upper() if isinstance(unit, exp.Expr) else str(unit).upper())
            if start is not None:
                return start(_value(node.this, now))
    raise _NoMoment


def _parsed(text: str) -> datetime:
    found = _ZONED.fullmatch(text.strip())
    if found is None:
        raise ValueError(text)
    moment = datetime.fromisoformat(_padded(found["stamp"]))
    zone = found["zone"] or "UTC"
    if zone in ("Z", "UTC") or not zone[0].isalpha():
        return datetime.fromisoformat(f"{moment.isoformat()}{'Z' if zone == 'UTC' else zone}").astimezone(UTC)
    try:
        return moment.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    except KeyError as error:  # ZoneInfoNotFoundError
        raise ValueError(zone) from error


def _padded(stamp: str) -> str:
    """2026-9-1 as 2026-09-01, a bare hour as hh:00."""
    day, _, clock = stamp.replace("T", " ").partition(" ")
    year, month, number = day.split("-")
    hours, *rest = clock.split(":") if clock else ["0"]
    minutes = rest[0] if rest else "0"
    seconds = rest[1] if len(rest) > 1 else "00"
    return f"{year}-{month:0>2}-{number:0>2}T{hours:0>2}:{minutes:0>2}:{seconds:0>2}"


def _count(node: exp.Expr | None) -> int:
    match node:
        case exp.Paren():
            return _count(node.this)
        case exp.Neg():
            return -_count(node.this)
        case exp.Literal():
            return int(node.name)
    raise _NoMoment


def _moved(at: datetime, count: int, unit: str) -> datetime:
    name = unit.upper().strip("'").removesuffix("S")
    if name in _STEPS:
        return at + count * _STEPS[name]
    if name not in _MONTHS:
        raise _NoMoment
    months = at.year * 12 + at.month - 1 + count * _MONTHS[name]
    year, month = divmod(months, 12)
    return at.replace(year=year, month=month + 1, day=min(at.day, calendar.monthrange(year, month + 1)[1]))


def _midnight(at: datetime) -> datetime:
    return at.replace(hour=0, minute=0, second=0, microsecond=0)
