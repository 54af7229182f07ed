"""What a query comes to: its answer, within which limits, and the record that is kept of it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from services.query_engine.domain.plan import Plan
from services.query_engine.domain.tables import Column
from shared.tenancy import TenantId


@dataclass(frozen=True)
class Limits:
    """Of one answer: rows, and bytes of its rows as JSON."""

    rows: int
    bytes: int


@dataclass(frozen=True)
class Answer:
    """Columns with Trino's types; `rows` is the JSON text of a list of objects, one per row."""

    columns: tuple[Column, ...]
    rows: bytes
    row_count: int


class Engine(Protocol):
    """Runs plans. `name` is what the caller is told."""

    name: str

    def run(self, tenant: TenantId, plan: Plan, limits: Limits, timeout_seconds: float) -> Answer:
        """The answer from `tenant`'s files, or an OnyxError with a code of `domain.errors`, within about the
        timeout."""
        ...


class Status(StrEnum):
    """Where a query is. RUNNING for good means that the process which ran it is gone."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    REFUSED = "refused"


@dataclass(frozen=True)
class QueryRecord:
    """The audit record of one query. `sql` is cut to 8 KB; `snapshots` are the Iceberg snapshots bound, those
    of the sets that were published at `as_of` where that was asked for."""

    query_id: str
    subject: str
    sql: str
    sql_bytes: int
    status: Status
    started_at: datetime
    engine: str = ""
    code: str = ""
    rows: int = 0
    bytes: int = 0
    elapsed_ms: int = 0
    files: int = 0
    tables: tuple[str, ...] = ()
    snapshots: tuple[int, ...] = ()
    as_of: datetime | None = None


class QueryLog(Protocol):
    """Where the records are kept."""

    def begin(self, tenant: TenantId, record: QueryRecord) -> None: ...

    def finish(self, tenant: TenantId, record: QueryRecord) -> None: ...

    def find(self, tenant: TenantId, query_id: str) -> QueryRecord | None: ...


SQL_KEPT_BYTES = 8 * 1024


def kept_sql(text: str) -> str:
    """The text as it is kept: its first 8 KB, whole characters."""
    return text.encode(errors="replace")[:SQL_KEPT_BYTES].decode(errors="ignore")
