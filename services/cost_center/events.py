"""What the cost center publishes: its events, and the shape in which a published bill can be read.

This module is all that another domain may import of the cost center.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from shared.events import Event
from shared.fields import Money

BILL_PREFIX = "BILL#"
"""Sort key prefix of the bill rows in the bill table."""

# The data calls a bill's source `source`, as the rows and the API do; in Python that name is taken by the
# event's own source, so the field is `bill_source` there.
_DATA = ConfigDict(
    frozen=True, extra="ignore", serialize_by_alias=True, validate_by_name=True, validate_by_alias=True
)


class CurrencyTotal(BaseModel):
    """The sums of one currency: what the bill says, what `charges` holds, and raw minus curated.

    The difference is 0, or what rounding amounts of more than 18 decimals took away.
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
    """A bill's new content is published: readers of the bill see it from `published_at` on."""

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


class BillRejected(Event):
    """A delivery was refused; what was published before stays published."""

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
