"""Functions of moments. There is no "now": an expression gives the same however often it is evaluated
(`run.started_at` is in its scope)."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from services.workflow.domain import durations
from services.workflow.domain.errors import ExpressionError
from services.workflow.domain.expressions.budget import Budget
from shared.json_text import moment

_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
_CODES: dict[str, Callable[[datetime], str]] = {
    "Y": lambda at: f"{at.year:04}",
    "m": lambda at: f"{at.month:02}",
    "d": lambda at: f"{at.day:02}",
    "H": lambda at: f"{at.hour:02}",
    "M": lambda at: f"{at.minute:02}",
    "S": lambda at: f"{at.second:02}",
    "B": lambda at: _MONTHS[at.month - 1],
    "b": lambda at: _MONTHS[at.month - 1][:3],
    "A": lambda at: _DAYS[at.weekday()],
    "a": lambda at: _DAYS[at.weekday()][:3],
    "%": lambda at: "%",
}
_CODE = re.compile(r"%(.?)", re.DOTALL)


def date_add(budget: Budget, text: str, duration: str) -> str:
    """A moment later by `duration` (`1d`, `-2h`), in UTC."""
    try:
        return moment(_moment(text) + timedelta(seconds=durations.seconds(duration, negative=True)))
    except (ValueError, OverflowError) as error:
        raise ExpressionError(_outside(error)) from error


def format_date(budget: Budget, text: str, pattern: str, timezone: str = "UTC") -> str:
    """A moment by a pattern of %Y %m %d %H %M %S %B %b %A %a %% (English names), in UTC or an IANA zone."""
    budget.characters(20 * len(pattern))
    at = _moment(text)
    try:
        local = at.astimezone(ZoneInfo(timezone))
    except (ValueError, OSError, OverflowError, KeyError) as error:
        raise ExpressionError(f"{timezone[:40]!r} is no IANA time zone (such as Europe/Lisbon)") from error

    def written(found: re.Match[str]) -> str:
        code = _CODES.get(found[1])
        if code is None:
            raise ExpressionError(f"%{found[1]} is no code: %{', %'.join(_CODES)} are")
        return code(local)

    return _CODE.sub(written, pattern)


def _moment(text: str) -> datetime:
    """A day is its midnight in UTC. Raises ExpressionError."""
    try:
        at = datetime.fromisoformat(text[:40])
    except ValueError as error:
        raise ExpressionError(f"{text[:40]!r} is no ISO 8601 timestamp") from error
    if at.tzinfo is None:
        if len(text) != len("2026-01-31"):
            raise ExpressionError(f"{text[:40]!r} has no time zone: write a Z for UTC")
        at = at.replace(tzinfo=UTC)
    try:
        return at.astimezone(UTC)
    except OverflowError as error:
        raise ExpressionError(_outside(error)) from error


def _outside(error: Exception) -> str:
    return str(error) if isinstance(error, ValueError) else "the date is outside of the years 1 to 9999"
