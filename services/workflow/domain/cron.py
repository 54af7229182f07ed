"""Cron expressions as EventBridge Scheduler reads them, and the times they name.

Six fields: minutes hours day-of-month month day-of-week year; `* , - /` in all, `?` in one of the two fields
of days, `L` and `W` in days, `#` in days of the week (1 is Sunday).
https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#cron-based

With a time zone, a local time that does not exist (the clock went forward) is left out, and one that exists
twice is taken once, the first time.
"""

import calendar
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from shared.errors import Unprocessable

_MONTHS = {
    name: at
    for at, name in enumerate(
        ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"], 1
    )
}
_DAYS = {name: at for at, name in enumerate(["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"], 1)}
_YEARS = range(1970, 2200)

Matches = Callable[[date], bool]


@dataclass(frozen=True)
class Cron:
    """A schedule's times."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    day: Matches
    months: frozenset[int]
    years: frozenset[int]
    zone: ZoneInfo

    def between(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """The times later than `after` and not later than `until`, newest first, in UTC."""
        day, last = until.astimezone(self.zone).date(), after.astimezone(self.zone).date()
        while day >= last:
            if day.year not in self.years:
                # Years without a time are not walked day by day.
                day = date(day.year, 1, 1) - timedelta(days=1)
                continue
            if day.month in self.months and self.day(day):
                for moment in reversed(self._of(day)):
                    if moment <= after:
                        return
                    if moment <= until:
                        yield moment
            day -= timedelta(days=1)

    def _of(self, day: date) -> list[datetime]:
        found = []
        for hour in self.hours:
            for minute in self.minutes:
                moment = datetime.combine(day, time(hour, minute), self.zone).astimezone(UTC)
                local = moment.astimezone(self.zone)
                if (local.hour, local.minute) == (hour, minute):
                    found.append(moment)
        return sorted(found)


@lru_cache(maxsize=512)
def parse_cron(cron: str, timezone: str = "UTC") -> Cron:
    """Raises Unprocessable (CRON_INVALID) that says which field is wrong, and why."""
    fields = cron.upper().split()
    if len(fields) != 6:
        raise _wrong(f"{len(fields)} fields: minutes hours day-of-month month day-of-week year are 6")
    minutes, hours, days, months, weekdays, years = fields
    if (days == "?") == (weekdays == "?"):
        raise _wrong("exactly one of day-of-month and day-of-week is ?")
    try:
        zone = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise _wrong(f"{timezone!r} is no IANA time zone such as Europe/Lisbon") from error
    return Cron(
        minutes=_numbers("minutes", minutes, range(60)),
        hours=_numbers("hours", hours, range(24)),
        day=_weekdays(weekdays) if days == "?" else _days(days),
        months=frozenset(_numbers("month", months, range(1, 13), _MONTHS)),
        years=frozenset(_numbers("year", years, _YEARS)),
        zone=zone,
    )


def _numbers(
    field: str, text: str, allowed: range, names: Mapping[str, int] | None = None
) -> tuple[int, ...]:
    found: set[int] = set()
    for part in text.split(","):
        said, stepped, step = part.partition("/")
        first, ranged, last = said.partition("-")
        if stepped and not (step.isdigit() and int(step) > 0):
            raise _wrong(f"{field}: {part!r} has no step")
        if said == "*":
            low, high = allowed[0], allowed[-1]
        else:
            low = _number(field, first, allowed, names)
            high = _number(field, last, allowed, names) if ranged else low
            if stepped and not ranged:
                high = allowed[-1]
            if low > high:
                raise _wrong(f"{field}: {part!r} ends before it begins")
        found |= set(range(low, high + 1, int(step) if stepped else 1))
    return tuple(sorted(found))


def _number(field: str, text: str, allowed: range, names: Mapping[str, int] | None) -> int:
    if names and text in names:
        return names[text]
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and int(text) in allowed):
        raise _wrong(f"{field}: {text!r} is not {allowed[0]} to {allowed[-1]}")
    return int(text)


def _days(text: str) -> Matches:
    if text == "L":
        return lambda day: day.day == _last(day)
    if text == "LW":
        return lambda day: day.day == _nearest_weekday(day, _last(day))
    if near := re.fullmatch(r"(\d{1,2})W", text, re.ASCII):
        wanted = _number("day-of-month", near[1], range(1, 32), None)
        return lambda day: wanted <= _last(day) and day.day == _nearest_weekday(day, wanted)
    days = frozenset(_numbers("day-of-month", text, range(1, 32)))
    return lambda day: day.day in days


def _weekdays(text: str) -> Matches:
    if text == "L":
        return lambda day: _weekday(day) == 7
    if last := re.fullmatch(r"([1-7]|[A-Z]{3})L", text):
        wanted = _number("day-of-week", last[1], range(1, 8), _DAYS)
        return lambda day: _weekday(day) == wanted and day.day > _last(day) - 7
    if nth := re.fullmatch(r"([1-7]|[A-Z]{3})#([1-5])", text):
        wanted, week = _number("day-of-week", nth[1], range(1, 8), _DAYS), int(nth[2])
        return lambda day: _weekday(day) == wanted and (day.day - 1) // 7 + 1 == week
    days = frozenset(_numbers("day-of-week", text, range(1, 8), _DAYS))
    return lambda day: _weekday(day) in days


def _weekday(day: date) -> int:
    """1 is Sunday."""
    return day.isoweekday() % 7 + 1


def _last(day: date) -> int:
    return calendar.monthrange(day.year, day.month)[1]


def _nearest_weekday(day: date, wanted: int) -> int:
    """The working day nearest to the month's day `wanted`, within the month."""
    isoweekday = day.replace(day=wanted).isoweekday()
    if isoweekday == 6:
        return wanted - 1 if wanted > 1 else wanted + 2
    if isoweekday == 7:
        return wanted + 1 if wanted < _last(day) else wanted - 2
    return wanted


def _wrong(detail: str) -> Unprocessable:
    return Unprocessable(detail, code="CRON_INVALID")
