"""Bills: what became of a delivery, what a restatement changed, what is late."""

from datetime import datetime
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.events import Event
from shared.fields import Money

# The data calls a bill's source `source`, as the rows and the API do; in Python that name is taken by the
# event's own source, so the field is `bill_source` there.
DATA = ConfigDict(
    frozen=True, extra="ignore", serialize_by_alias=True, validate_by_name=True, validate_by_alias=True
)


class CurrencyTotal(BaseModel):
    """The sums of one currency: what the bill says, what its curated rows say, and raw minus curated.

    The difference is 0, or what rounding amounts of more than 18 decimals took away. Both are of the whole
    bill, also of billing accounts with which another source feeds `charges`: the bill's reasons name these.
    """

    model_config = ConfigDict(frozen=True)

    currency: str
    raw: Money
    curated: Money
    difference: Money


class Finding(BaseModel):
    """One reason why a file was rejected. `row` is 1-based over the data rows (the header is not counted)."""

    model_config = ConfigDict(frozen=True)

    file: str = ""
    row: int | None = None
    column: str | None = None
    expected: str | None = None
    found: str | None = None
    message: str


class BillIngested(Event):
    """A bill's first content is published: readers of the bill see it from `published_at` on.

    `primary`: whether it feeds `charges`, with all of its billing accounts or some.

    Each later content is told by BillRestated, which has all of these fields too; `status` is `restated`
    there, and in events of this type from before there was that one.
    """

    model_config = DATA
    type: ClassVar[str] = "BillIngested"
    source: ClassVar[str] = "onyx.cost-center"
    subject_field: ClassVar[str | None] = "bill_id"

    bill_id: str
    bill_source: str = Field(alias="source")
    format: str
    billing_period: str
    delivery_id: str
    status: Literal["ingested", "restated"]
    rows: int
    totals: list[CurrencyTotal]
    tables: list[str]
    published_at: datetime
    primary: bool


class TotalChange(BaseModel):
    """What a restatement did to the billed cost of one currency; `difference` is after minus before."""

    model_config = ConfigDict(frozen=True)

    currency: str
    before: Money
    after: Money
    difference: Money


class ChargeChange(BaseModel):
    """What a restatement did to the billed cost of one service, sub-account, charge category and currency."""

    model_config = ConfigDict(frozen=True)

    service_name: str | None
    sub_account_id: str | None
    charge_category: str | None
    currency: str
    before: Money
    after: Money
    difference: Money


class SetChanges(BaseModel):
    """What one published set changed of the one before it.

    `totals` are those of the two bills. `largest` are the charges that changed most, by absolute
    difference; `others` is the sum of all further changed ones per currency, of which there are
    `count - len(largest)`. `document` is the s3:// address of them all (`{"changes": [...]}`), in the
    tenant's prefix of the lake. It is None, and nothing is said of charges, where the set before could not be
    read any more. A set that feeds no `charges` (see `primary`) counts as one without charges.
    """

    model_config = ConfigDict(frozen=True)

    totals: list[TotalChange]
    largest: list[ChargeChange]
    others: list[TotalChange]
    count: int
    document: str | None


class PreviousSet(BaseModel):
    """The published set that another took the place of."""

    model_config = ConfigDict(frozen=True)

    delivery_id: str
    published_at: datetime
    rows: int


class BillRestated(BillIngested):
    """A bill's content was replaced: readers see the new one from `published_at` on, in one write.

    Whoever reads BillIngested reads this as well: it has the same fields and more.
    """

    type: ClassVar[str] = "BillRestated"

    status: Literal["restated"]
    previous: PreviousSet
    changes: SetChanges


class BillRejected(Event):
    """A delivery was refused; what was published before stays published.

    `quarantine` is the s3:// address of the folder that its files are moved to.
    """

    model_config = DATA
    type: ClassVar[str] = "BillRejected"
    source: ClassVar[str] = "onyx.cost-center"
    subject_field: ClassVar[str | None] = "bill_id"

    bill_id: str
    bill_source: str = Field(alias="source")
    delivery_id: str
    key: str
    reasons: list[Finding]
    finding_count: int
    quarantine: str | None = None


class BillOverdue(Event):
    """A bill that should have come by now has not. Told once for each source, period and cause, until a
    delivery mends it.

    `cause`: `late` (a month that is not over is delivered about every day, and was not), `missing` (the bill
    of an ended month never came), `waiting` (a delivery waits for its files; its period may not be known).
    `since` is when it became overdue.
    """

    model_config = DATA
    type: ClassVar[str] = "BillOverdue"
    source: ClassVar[str] = "onyx.cost-center"
    subject_field: ClassVar[str | None] = "bill_source"

    bill_source: str = Field(alias="source")
    bill_id: str | None
    billing_period: str | None
    cause: Literal["late", "missing", "waiting"]
    since: datetime
    last_delivered_at: datetime | None
    reason: str
