"""Bodies of the query routes, as they are validated and published. Imports nothing but pydantic."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

MAX_BODY_BYTES = 256 * 1024
FormatName = Literal["json", "arrow", "parquet", "csv"]
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
        description="One SELECT (or UNION, or WITH ... SELECT), or EXPLAIN of one, of up to 256 KiB.",
        examples=["SELECT ServiceName, sum(BilledCost) AS Cost FROM charges GROUP BY 1 ORDER BY 2 DESC"],
    )
    as_of: Annotated[AwareDatetime | None, BeforeValidator(_moment)] = Field(
        default=None,
        description="Answer from what was published at this date or time (UTC): every moment of the last 90 "
        "days, and the ends of 13 months (the first instant of the next).",
        examples=["2026-11-01T00:00:00Z"],
    )
    format: FormatName = Field(
        default="json",
        description="json answers in the response. The others answer with the signed address of a file, "
        "which may have many more rows and bytes: Arrow IPC (file format, zstd), parquet, or CSV (RFC 4180, "
        "with a header).",
    )
    run_async: bool = Field(
        default=False,
        alias="async",
        strict=True,
        description="Answer at once with 202 and run for up to 14 minutes: GET /v1/query/{query_id} tells "
        "how it goes, and then its result. `Prefer: respond-async` says the same.",
    )


class QueryFile(BaseModel):
    """A result that is fetched from `url`, without a token, until `expires_at`: ask again for another."""

    url: str
    expires_at: AwareDatetime
    content_type: str
    filename: str
    bytes: int


class QueryColumn(BaseModel):
    """A column of an answer or a table; `type` is Trino's name for it."""

    name: str
    type: str = Field(examples=["decimal(38,18)", "varchar", "timestamp", "map(varchar, varchar)"])


class QueryAnswer(BaseModel):
    """Rows by column name: decimals as exact strings, timestamps as ISO 8601 with Z, in UTC.

    A format other than json has `file` and no `rows`.
    """

    query_id: str
    columns: list[QueryColumn]
    rows: list[dict[str, Any]] | None = None
    file: QueryFile | None = None
    row_count: int
    elapsed_ms: int
    engine: str = Field(examples=["polars"])
    notes: list[str] = Field(
        default=[], description="What to know of the answer, as of a column that no bill has carried yet."
    )
    explain: "QueryExplain | None" = Field(default=None, description="Of EXPLAIN: the same, for programs.")


class QueryDeclined(BaseModel):
    """An engine that passed a query on; `running` says that it found out while it ran it."""

    engine: str
    code: str
    why: str
    running: bool


class QueryDecision(BaseModel):
    """Which engine was chosen, by which of the router's rules, and which declined before it."""

    engine: str
    rule: str = Field(examples=["scan"])
    why: str
    declined: list[QueryDeclined]


class QueryScan(BaseModel):
    """What is read of a table. Bytes are compressed ones of the columns read, before and after pruning; they
    and `rows_after` are null where they are not known."""

    table: str
    published_at: AwareDatetime | None
    snapshots: list[str]
    columns: list[str]
    files_before: int
    files_after: int
    bytes_before: int | None
    bytes_after: int | None
    rows_before: int
    rows_after: int | None
    policies: list[str]


class QueryExplain(BaseModel):
    """What a query would read, and who would answer it; `sql` is in the dialect of that engine."""

    decision: QueryDecision
    in_memory: bool | None = Field(description="Whether the columns are in memory now; null: not known.")
    tables: list[QueryScan]
    sql: str
    notes: list[str]


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
    status: Literal["running", "done", "failed", "refused", "cancelled"]
    code: str | None = Field(
        description="Why it failed or was refused; WORKER_LOST where its server died, within a minute."
    )
    started_at: AwareDatetime
    elapsed_ms: int
    engine: str | None
    row_count: int
    bytes: int
    files: int
    tables: list[str]
    snapshots: list[str]
    as_of: AwareDatetime | None
    format: FormatName
    cancel_requested: bool = Field(description="Somebody asked for its end, which comes within seconds.")
    decision: QueryDecision | None = Field(description="Why that engine; null where none was asked.")


class QueryState(QueryAudit):
    """A query's record, and the result where it was asynchronous or has a file: six days long.

    `columns` and `rows` are there for json.
    """

    file: QueryFile | None = None
    columns: list[QueryColumn] | None = None
    rows: list[dict[str, Any]] | None = None
