"""What is asked of the generator, and the calendar it works in."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
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
    def period(self) -> str:
        return f"{self.first:%Y-%m}"

    @property
    def next(self) -> "Month":
        return Month(self.end)


@dataclass(frozen=True)
class Spec:
    """A bill's whole description: the same spec gives the same bytes.

    `rows` is about how many line items all months together have (a company has 1,300 a month or more).
    `edp_basis_points` is an enterprise discount (900 is 9 %), which brings the `net` columns.
    """

    seed: int
    rows: int
    start: Month
    months: int
    accounts: int
    edp_basis_points: int = 0

    def calendar(self) -> Iterator[Month]:
        month = self.start
        for _ in range(self.months):
            yield month
            month = month.next

    @property
    def days(self) -> int:
        return sum(month.days for month in self.calendar())
