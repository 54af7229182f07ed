"""What a query comes to: its answer, in which form and within which limits, and the record of it."""

import threading
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from services.query_engine.domain.errors import WORKER_LOST
from services.query_engine.domain.plan import Plan
from services.query_engine.domain.routing_rules import Decision
from services.query_engine.domain.tables import Column
from shared.tenancy import TenantId


class Format(StrEnum):
    """The form of an answer. JSON stands in the response, the others are files of the results bucket."""

    JSON = "json"
    ARROW = "arrow"
    PARQUET = "parquet"
    CSV = "csv"

    @property
    def content_type(self) -> str:
        return _CONTENT_TYPES[self]


_CONTENT_TYPES = {
    Format.JSON: "application/json",
    Format.ARROW: "application/vnd.apache.arrow.file",
    Format.PARQUET: "application/vnd.apache.parquet",
    Format.CSV: "text/csv; charset=utf-8",
}


@dataclass(frozen=True)
class Limits:
    """Of one answer: rows, and bytes of its rows as they are sent or of its file.

    `target` is the s3:// address that the answer is put to in `format`; without one it is JSON and comes
    back.
    """

    rows: int
    bytes: int
    format: Format = Format.JSON
    target: str | None = None


@dataclass(frozen=True)
class Answer:
    """Columns with Trino's types; `rows` is the JSON text of a list of objects, one per row.

    An answer that was put to a file has `file_bytes` and no `rows`. `engine` is what ran: a plan's engine, or
    that and `-memory` where all that it read was in memory.
    """

    columns: tuple[Column, ...]
    rows: bytes
    row_count: int
    file_bytes: int | None = None
    engine: str = ""

    @property
    def size(self) -> int:
        return len(self.rows) if self.file_bytes is None else self.file_bytes


class Engine(Protocol):
    """Runs plans. `name` is what the caller is told."""

    name: str

    def run(
        self,
        tenant: TenantId,
        plan: Plan,
        limits: Limits,
        timeout_seconds: float,
        stop: threading.Event | None = None,
    ) -> Answer:
        """The answer from `tenant`'s files, or an OnyxError with a code of `domain.errors`, within about the
        timeout, or soon after `stop` is set (QUERY_CANCELLED)."""
        ...


class Status(StrEnum):
    """Where a query is."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    REFUSED = "refused"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class QueryRecord:
    """The audit record of one query. `sql` is cut to 8 KB; `snapshots` are the Iceberg snapshots bound, those
    of the sets that were published at `as_of` where that was asked for.

    `lease_until` bounds how long RUNNING is believed: the server that runs the query puts it off as long as
    it lives. `stored` says that the result lies in the results bucket (see `result_key`). `decision` is the
    router's.
    """

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
    format: Format = Format.JSON
    stored: bool = False
    lease_until: datetime | None = None
    cancel_requested: bool = False
    decision: Decision | None = None

    def judged(self, now: datetime) -> "QueryRecord":
        """The record as a reader is to take it: RUNNING beyond its lease is a server that died."""
        if self.status is Status.RUNNING and (self.lease_until is None or self.lease_until < now):
            return replace(self, status=Status.FAILED, code=WORKER_LOST)
        return self


class QueryLog(Protocol):
    """Where the records are kept."""

    def begin(self, tenant: TenantId, record: QueryRecord) -> None: ...

    def finish(self, tenant: TenantId, record: QueryRecord) -> None: ...

    def find(self, tenant: TenantId, query_id: str) -> QueryRecord | None: ...

    def renew(self, tenant: TenantId, query_id: str, lease_until: datetime) -> bool:
        """Put off the lease of a query that runs; whether somebody asked for its end meanwhile."""
        ...

    def request_cancel(self, tenant: TenantId, query_id: str) -> QueryRecord | None:
        """Ask the server that runs it to end it; the record as it stands then."""
        ...


RESULTS_KEPT = timedelta(days=6)
"""A day less than the bucket keeps them: no address is given of what may be gone."""


def result_key(tenant: TenantId, query_id: str, form: Format) -> str:
    """Where a result lies in the results bucket; its last part is the file's name for whoever fetches it."""
    return f"{tenant}/queries/{query_id}/query-{query_id}.{form.value}"


SQL_KEPT_BYTES = 8 * 1024


def kept_sql(text: str) -> str:
    """The text as it is kept: its first 8 KB, whole characters."""
    return text.encode(errors="replace")[:SQL_KEPT_BYTES].decode(errors="ignore")
