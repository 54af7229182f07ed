"""What the cost center publishes: its events, and the shape in which a published bill can be read.

This module is all that another domain may import of the cost center.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from shared.events import Event
from shared.fields import Money

BILL_PREFIX = "BILL#"
"""Sort key prefix of the bill rows in the bill table."""
SET_PREFIX = "SET#"
"""Sort key prefix of the published sets: `SET#<bill id>#<published at>`, in order of time."""

KEPT_WHOLE = timedelta(days=90)
"""How long every published set stays readable, from the moment when another took its place."""
KEPT_MONTHS = 13
"""Of how many ended months the state at their end stays readable."""

# The data calls a bill's source `source`, as the rows and the API do; in Python that name is taken by the
# event's own source, so the field is `bill_source` there.
_DATA = ConfigDict(
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

    model_config = _DATA
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

    model_config = _DATA
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


class ConnectionEvent(Event):
    """What the acts on a connection tell: which (it is the source of its bills), the AWS account, and who
    did it."""

    source: ClassVar[str] = "onyx.cost-center"
    subject_field: ClassVar[str | None] = "connection"

    connection: str
    account_id: str
    by: str


class ConnectionCreated(ConnectionEvent):
    """A template was made for an AWS account; nothing is read from it yet."""

    type: ClassVar[str] = "ConnectionCreated"

    kind: Literal["cur", "cur2", "focus"]


class ConnectionVerified(ConnectionEvent):
    """The account's role lets Onyx in, and nobody without the external id: bills are pulled from now on."""

    type: ClassVar[str] = "ConnectionVerified"

    role_arn: str
    bucket: str


class ConnectionRefused(ConnectionEvent):
    """The account's role is open to who does not know the external id: nothing is pulled."""

    type: ClassVar[str] = "ConnectionRefused"

    role_arn: str
    reason: str


class ConnectionFailed(ConnectionEvent):
    """A connection that worked does no longer; it is tried again at every run, and this is told once."""

    type: ClassVar[str] = "ConnectionFailed"

    reason: str
    code: str


class ConnectionRemoved(ConnectionEvent):
    """Nothing is pulled from the account any more. What was pulled stays."""

    type: ClassVar[str] = "ConnectionRemoved"


class InvoiceEvent(Event):
    """What the acts on an invoice's total tell: which invoice, and who did it."""

    source: ClassVar[str] = "onyx.cost-center"
    subject_field: ClassVar[str | None] = "invoice"

    invoice: str
    billing_account: str
    billing_period: str
    currency: str
    total: Money
    by: str


class InvoiceEntered(InvoiceEvent):
    """Finance entered an invoice's grand total, or another one than before."""

    type: ClassVar[str] = "InvoiceEntered"

    before: Money | None


class InvoiceRemoved(InvoiceEvent):
    """An invoice's total was entered wrongly and is forgotten; `total` is what it was."""

    type: ClassVar[str] = "InvoiceRemoved"


class TagsPromoted(Event):
    """A tenant chose the tags that have columns of their own in what is published from now on."""

    type: ClassVar[str] = "TagsPromoted"
    source: ClassVar[str] = "onyx.cost-center"

    keys: list[str]
    before: list[str]
    by: str


class BillOverdue(Event):
    """A bill that should have come by now has not. Told once for each source, period and cause, until a
    delivery mends it.

    `cause`: `late` (a month that is not over is delivered about every day, and was not), `missing` (the bill
    of an ended month never came), `waiting` (a delivery waits for its files; its period may not be known).
    `since` is when it became overdue.
    """

    model_config = _DATA
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


class ExportRequested(Event):
    """A tenant asked for an export: the data plane is to write it. What it holds stands in the job's row.

    `attempt` counts how often the job was begun; a job that was begun again ignores earlier events.
    """

    model_config = _DATA
    type: ClassVar[str] = "ExportRequested"
    source: ClassVar[str] = "onyx.cost-center"
    subject_field: ClassVar[str | None] = "export_id"

    export_id: str
    attempt: int
    format: Literal["csv", "parquet"]
    focus_version: str
    first_period: str
    last_period: str
    bills: list[str]
    requested_at: datetime


class LakeMaintenanceDue(Event):
    """A tenant's tables are to be maintained: the data plane forgets snapshots that nobody can ask for.

    `week` is the ISO week (2026-W47) that it is for: there is one such event for each.
    """

    type: ClassVar[str] = "LakeMaintenanceDue"
    source: ClassVar[str] = "onyx.cost-center"
    subject_field: ClassVar[str | None] = "week"

    week: str


class Column(BaseModel):
    """A column of a published table; `type` is an Athena type name, e.g. decimal(38,18)."""

    model_config = ConfigDict(frozen=True)

    name: str
    type: str


class PublishedTable(BaseModel):
    """One table of a published bill: the Iceberg snapshot, and the very files that hold this bill's rows."""

    model_config = ConfigDict(frozen=True)

    database: str
    table: str
    snapshot_id: int
    files: list[str]
    rows: int
    columns: list[Column]


def partition_of(table: str) -> tuple[str, str]:
    """The columns of a published table, in lower case, that say which bill a row belongs to: its source and
    its billing period. With both and the snapshot they are what `files` holds."""
    return ("x_source", "x_billingperiod") if table == "charges" else ("source", "billing_period")


class PublishedBill(BaseModel):
    """What a reader binds for one bill. `tables` has raw `cur` or `focus`, and `charges` for a primary
    bill."""

    model_config = ConfigDict(frozen=True)

    bill_id: str
    source: str
    billing_period: str
    published_at: datetime
    tables: dict[str, PublishedTable]

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Self | None:
        """The published set in a `BILL#` row, or None where nothing of this bill was ever published."""
        published = item.get("published")
        if not published:
            return None
        return cls.model_validate(
            {
                "bill_id": item["bill_id"],
                "source": item["source"],
                "billing_period": item["billing_period"],
                "published_at": published["published_at"],
                "tables": published["tables"],
            }
        )

    @classmethod
    def from_history(cls, item: Mapping[str, Any]) -> Self | None:
        """The published set in a `SET#` row, or None where it is no longer kept: then it has no `tables`."""
        if not item.get("tables"):
            return None
        source, _, period = item["bill_id"].rpartition(".")
        return cls.model_validate(
            {
                "bill_id": item["bill_id"],
                "source": item.get("source", source),
                "billing_period": item.get("billing_period", period),
                "published_at": item["published_at"],
                "tables": item["tables"],
            }
        )


def month_ends(now: datetime) -> list[datetime]:
    """The moments (UTC, oldest first) at which the last KEPT_MONTHS months ended: each the first instant of
    a month."""
    at = now.astimezone(UTC)
    months = at.year * 12 + at.month - 1
    return [
        datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC)
        for number in range(months - KEPT_MONTHS + 1, months + 1)
    ]


def kept_moments_near(moment: datetime, now: datetime) -> list[datetime]:
    """The nearest moments before and after `moment` of which every bill's published set is kept (one or
    two, oldest first): month ends, and the begin of the time of which all is kept."""
    promised = sorted([*month_ends(now), now - KEPT_WHOLE])
    before = [each for each in promised if each <= moment]
    after = [each for each in promised if each > moment]
    return [*before[-1:], *after[:1]]
