"""The shape in which a published bill can be read: rows of the bill table."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel, ConfigDict

BILL_PREFIX = "BILL#"
"""Sort key prefix of the bill rows in the bill table."""
SET_PREFIX = "SET#"
"""Sort key prefix of the published sets: `SET#<bill id>#<published at>`, in order of time."""


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
