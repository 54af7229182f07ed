"""What is asked of the generator, and the calendar it works in."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum


class BillFormat(StrEnum):
    CUR = "cur"
    CUR2 = "cur2"
    FOCUS = "focus"


class Container(StrEnum):
    CSV = "csv"
    GZ = "csv.gz"
    ZIP = "zip"
    PARQUET = "parquet"


class Granularity(StrEnum):
    """How long the charge period of a usage line is. The hours of a day add up to the line of the day."""

    DAILY = "daily"
    HOURLY = "hourly"

    @property
    def lines_a_day(self) -> int:
        return 24 if self is Granularity.HOURLY else 1

    @property
    def hours(self) -> int:
        """Of one charge period."""
        return 24 // self.lines_a_day

    @property
    def period(self) -> timedelta:
        return timedelta(hours=self.hours)


class Versioning(StrEnum):
    """How AWS delivers a month again: over the old files, or beside them."""

    OVERWRITE = "overwrite"
    CREATE_NEW = "create-new"


@dataclass(frozen=True)
class Month:
    first: date

    @classmethod
    def parse(cls, text: str) -> "Month":
        return cls(date.fromisoformat(f"{text}-01"))

    @property
    def end(self) -> date:
        """The first day after it."""
        return (self.first + timedelta(days=32)).replace(day=1)

    @property
    def days(self) -> int:
        return (self.end - self.first).days

    @property
    def hours(self) -> int:
        return 24 * self.days

    @property
    def start(self) -> datetime:
        return midnight(self.first)

    @property
    def period(self) -> str:
        return f"{self.first:%Y-%m}"

    @property
    def next(self) -> "Month":
        return Month(self.end)


@dataclass(frozen=True)
class Spec:
    """A bill's whole description: the same spec gives the same bytes.

    `rows` is how many line items all months together have (see `sizing`). `edp_basis_points` is an
    enterprise discount (900 is 9 %), which brings the `net` columns. `rare` adds what few bills have
    (`discounts`, `split_costs` and some of `month`), which needs those columns, too.
    """

    seed: int
    rows: int
    start: Month
    months: int
    accounts: int
    edp_basis_points: int = 0
    granularity: Granularity = Granularity.DAILY
    rare: bool = False

    def calendar(self) -> Iterator[Month]:
        month = self.start
        for _ in range(self.months):
            yield month
            month = month.next

    @property
    def days(self) -> int:
        return sum(month.days for month in self.calendar())

    @property
    def net(self) -> bool:
        """Whether costs after discounts differ from those before."""
        return bool(self.edp_basis_points) or self.rare


def midnight(day: date) -> datetime:
    """The day's beginning; times are UTC and have no zone here, as Polars keeps them."""
    return datetime(day.year, day.month, day.day)  # noqa: DTZ001
