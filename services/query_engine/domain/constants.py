"""What an expression without columns comes to, for the expressions that bills are filtered by."""

import calendar
import re
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache

from sqlglot import exp

from services.query_engine.domain.facts import Value

_TIMESTAMP = re.compile(r"(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?))?Z?")
_SCALE = 18
_DAYS = {"DAY": 1, "WEEK": 7}
_MONTHS = {"MONTH": 1, "QUARTER": 3, "YEAR": 12}
_SECONDS = {"SECOND": 1, "MINUTE": 60, "HOUR": 3600}
_NOW = (exp.CurrentTimestamp, exp.Localtimestamp)


def constant(node: exp.Expr | None, now: datetime) -> Value | None:
    """The value of `node`; None for what is no constant, or one that is not worked out here."""
    try:
        return _constant(node, now)
    except (ValueError, OverflowError, ArithmeticError):
        return None


def _constant(node: exp.Expr | None, now: datetime) -> Value | None:
    match node:
        case exp.Paren():
            return _constant(node.this, now)
        case exp.Literal():
            return node.name if node.is_string else _number(node.name)
        case exp.Neg():
            value = _constant(node.this, now)
            return -value if isinstance(value, int | Decimal) else None
        case exp.Cast():  # and TRY_CAST
            return _cast(_constant(node.this, now), node.to)
        case exp.Date() if not node.expressions and not node.args.get("zone"):
            return _date(_constant(node.this, now))
        case exp.CurrentDate() if node.this is None:
            return now.date()
        case exp.FromISO8601Date():
            return _date(_constant(node.this, now))
        case exp.FromISO8601Timestamp():
            text = _constant(node.this, now)
            return moment_of(text) if isinstance(text, str) else None
        case exp.Add() | exp.Sub() if isinstance(node.expression, exp.Interval):
            return _moved(node.this, node.expression, now, 1 if isinstance(node, exp.Add) else -1)
        case exp.DateAdd():
            return shifted(_constant(node.this, now), _whole(node.expression), unit_of(node))
        case exp.TimestampTrunc() | exp.DateTrunc():
            return truncated(_constant(node.this, now), unit_of(node))
    if isinstance(node, _NOW) and node.this is None:
        return now.replace(tzinfo=None)
    return None


def unit_of(node: exp.Expr) -> str:
    """The unit of a date function or an interval, as in MONTH."""
    unit = node.args.get("unit")
    return str(unit.name).upper().removesuffix("S") if unit is not None else "DAY"


def _number(text: str) -> int | Decimal | None:
    if text.isdigit():
        return int(text)
    if not re.fullmatch(r"\d*\.\d*", text):
        return None  # A double.
    value = Decimal(text)
    return value if -int(value.as_tuple().exponent) <= _SCALE else None


def _whole(node: exp.Expr | None) -> int | None:
    """An integer with its sign; intervals write it as a text."""
    sign = 1
    while isinstance(node, exp.Neg | exp.Paren):
        sign = -sign if isinstance(node, exp.Neg) else sign
        node = node.this
    text = node.name if isinstance(node, exp.Literal) else ""
    return sign * int(text) if re.fullmatch(r"-?\d{1,9}", text) else None


def _cast(value: Value | None, to: exp.DataType) -> Value | None:
    match to.this:
        case exp.DType.DATE:
            return _date(value)
        case exp.DType.TIMESTAMP:
            if isinstance(value, str):
                return moment_of(value)
            return as_moment(value) if isinstance(value, date) else None
        case exp.DType.VARCHAR | exp.DType.TEXT if not to.expressions:
            return value if isinstance(value, str) else None
    return None


def _date(value: Value | None) -> date | None:
    match value:
        case datetime():
            return value.date()
        case date():
            return value
        case str() if re.fullmatch(r"\d{4}-\d\d-\d\d", value.strip()):
            return date.fromisoformat(value.strip())
    return None


@lru_cache(maxsize=512)
def moment_of(text: str) -> datetime | None:
    """A UTC timestamp from its ISO text, or None where it is none (or one with another zone)."""
    found = _TIMESTAMP.fullmatch(text.strip())
    try:
        return datetime.fromisoformat(f"{found[1]}T{found[2] or '00:00'}") if found else None
    except ValueError:
        return None


def as_moment(value: date) -> datetime:
    """A date as the timestamp of its midnight."""
    return value if isinstance(value, datetime) else datetime(value.year, value.month, value.day)  # noqa: DTZ001


def _moved(node: exp.Expr, interval: exp.Interval, now: datetime, sign: int) -> Value | None:
    count = _whole(interval.this)
    return None if count is None else shifted(_constant(node, now), sign * count, unit_of(interval))


def shifted(value: Value | None, count: int | None, unit: str) -> Value | None:
    """A date or timestamp, `count` units later; months end on the last day where they are shorter."""
    if not isinstance(value, date) or count is None:
        return None
    if unit in _DAYS:
        return value + timedelta(days=count * _DAYS[unit])
    if unit in _MONTHS:
        months = value.year * 12 + value.month - 1 + count * _MONTHS[unit]
        year, month = divmod(months, 12)
        day = min(value.day, calendar.monthrange(year, month + 1)[1])
        return value.replace(year=year, month=month + 1, day=day)
    if unit in _SECONDS and isinstance(value, datetime):
        return value + timedelta(seconds=count * _SECONDS[unit])
    return None


_PARTS_OF_DAY = ("HOUR", "MINUTE", "SECOND")


def truncated(value: Value | None, unit: str) -> Value | None:
    """date_trunc: of a date a date, of a timestamp a timestamp."""
    if not isinstance(value, date):
        return None
    if unit in _PARTS_OF_DAY:
        if not isinstance(value, datetime):
            return None
        zero = {"minute": 0, "second": 0} if unit == "HOUR" else {"second": 0} if unit == "MINUTE" else {}
        return value.replace(**zero, microsecond=0)  # type: ignore[arg-type]
    day = value.date() if isinstance(value, datetime) else value
    match unit:
        case "DAY":
            start = day
        case "WEEK":
            start = day - timedelta(days=day.weekday())
        case "MONTH":
            start = day.replace(day=1)
        case "QUARTER":
            start = day.replace(month=day.month - (day.month - 1) % 3, day=1)
        case "YEAR":
            start = day.replace(month=1, day=1)
        case _:
            return None
    return as_moment(start) if isinstance(value, datetime) else start
