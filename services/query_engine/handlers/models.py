"""Bodies of the query routes, as they are validated and published. Imports nothing but pydantic."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

MAX_BODY_BYTES = 256 * 1024
_NO_MOMENT = "it is a date or a time in ISO 8601"


def _moment(value: object) -> object:
    """A date (its first instant) or a time in ISO 8601; without a zone it is UTC."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError(_NO_MOMENT)
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError(_NO_MOMENT) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class QueryRequest(BaseModel):
    """One SELECT in Athena's SQL over the tenant's own tables."""

    model_config = ConfigDict(extra="forbid")

    sql: str = Field(
        min_length=1,
        description="One SELECT (or UNION, or WITH ... SELECT) of up to 64 KB.",
        examples=["SELECT ServiceName, sum(BilledCost) AS Cost FROM charges GROUP BY 1 ORDER BY 2 DESC"],
    )
    as_of: Annotated[AwareDatetime | None, BeforeValidator(_moment)] = Field(
        default=None,
        description="Answer from what was published at this date or time (UTC): every moment of the last 90 "
        "days, and the ends of 13 months (the first instant of the next).",
        examples=["2026-11-01T00:00:00Z"],
    )


class QueryColumn(BaseModel):
    """A column of an answer or a table; `type` is Trino's name for it."""

    name: str
    type: str = Field(examples=["decimal(38,18)", "varchar", "timestamp", "map(varchar, varchar)"])


class QueryAnswer(BaseModel):
    """Rows by column name: decimals as exact strings, timestamps as ISO 8601 with Z, in UTC."""

    query_id: str
    columns: list[QueryColumn]
    rows: list[dict[str, Any]]
    row_count: int
    elapsed_ms: int
    engine: str = Field(examples=["polars"])


class QueryBill(BaseModel):
    """A bill whose content is in a table."""

    bill_id: str
    source: str
    billing_period: str
    rows: int
    published_at: AwareDatetime


class QueryTable(BaseModel):
    """A table that can be queried: rows in all, since when, and the bills that make it up."""

    name: str
    columns: list[QueryColumn]
    rows: int
    published_at: AwareDatetime | None = Field(description="When its newest bill was published.")
    bills: list[QueryBill]


class QueryTables(BaseModel):
    """The caller's tables."""

    rows: list[QueryTable]


class QueryAudit(BaseModel):
    """What is kept of a query. `sql` is cut to its first 8 KB; `snapshots` are Iceberg snapshot ids."""

    query_id: str
    subject: str
    sql: str
    sql_bytes: int
    status: Literal["running", "done", "failed", "refused"]
    code: str | None = Field(description="Why it failed or was refused.")
    started_at: AwareDatetime
    elapsed_ms: int
    engine: str | None
    row_count: int
    bytes: int
    files: int
    tables: list[str]
    snapshots: list[str]
    as_of: AwareDatetime | None
