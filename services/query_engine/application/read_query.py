"""One of the caller's tenant's queries: its record, its result, its end."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.query_engine.application.running import Running
from services.query_engine.domain.answers import (
    RESULTS_KEPT,
    Format,
    QueryLog,
    QueryRecord,
    Status,
    result_key,
)
from shared.clock import Clock
from shared.errors import Forbidden, NotFound
from shared.tenancy import Principal, Role, TenantId

LONGEST_ID = 36


@dataclass(frozen=True)
class ResultFile:
    """Where a result can be fetched without a token, until when."""

    url: str
    expires_at: datetime
    content_type: str
    filename: str
    bytes: int


@dataclass(frozen=True)
class Found:
    """A record; `file` where there is a result to fetch, `content` where it is JSON: a document of columns
    and rows."""

    record: QueryRecord
    file: ResultFile | None = None
    content: bytes | None = None


class Results(Protocol):
    """The results bucket, one tenant at a time."""

    def link(self, tenant: TenantId, key: str) -> tuple[str, datetime]:
        """A signed address of the object, and when it ends."""
        ...

    def content(self, tenant: TenantId, key: str) -> bytes:
        """The object. Raises NotFound where it is gone."""
        ...


@dataclass(frozen=True)
class ReadQuery:
    log: QueryLog
    clock: Clock

    def __call__(self, caller: Principal, query_id: str) -> QueryRecord:
        """Raises NotFound: another tenant's query and none at all read alike."""
        caller.require(Role.VIEWER)
        # A text that is longer than any id is not asked for: the table takes no such key.
        found = self.log.find(caller.tenant, query_id) if len(query_id) <= LONGEST_ID else None
        if found is None:
            raise NotFound(f"there is no query {query_id}")
        return found.judged(self.clock.now())


@dataclass(frozen=True)
class FetchResult:
    """The addresses are signed at each look."""

    read: ReadQuery
    results: Results

    def __call__(self, caller: Principal, query_id: str) -> Found:
        """The record, and the result for who sent the query, or an administrator: others of the tenant may
        not see all of its rows. Raises NotFound."""
        record = self.read(caller, query_id)
        if not _is_of(caller, record) or (file := self.file(caller.tenant, record)) is None:
            return Found(record)
        if record.format is not Format.JSON:
            return Found(record, file)
        try:
            content = self.results.content(caller.tenant, self._key(caller.tenant, record))
        except NotFound:
            return Found(record)
        return Found(record, file, content)

    def file(self, tenant: TenantId, record: QueryRecord) -> ResultFile | None:
        """Where the result of that record is; None where there is none (any more)."""
        if record.status is not Status.DONE or not record.stored:
            return None
        if self.read.clock.now() > record.started_at + RESULTS_KEPT:
            return None
        key = self._key(tenant, record)
        url, expires_at = self.results.link(tenant, key)
        return ResultFile(url, expires_at, record.format.content_type, key.rpartition("/")[2], record.bytes)

    def _key(self, tenant: TenantId, record: QueryRecord) -> str:
        return result_key(tenant, record.query_id, record.format)


@dataclass(frozen=True)
class CancelQuery:
    """Whoever sent it, or an administrator of the tenant, ends a query."""

    read: ReadQuery
    running: Running

    def __call__(self, caller: Principal, query_id: str) -> QueryRecord:
        """The record as it stands: one that is over is left as it is.

        A query of this server ends at once, that of another within seconds. Raises NotFound and Forbidden.
        """
        record = self.read(caller, query_id)
        if not _is_of(caller, record):
            raise Forbidden("only who sent a query, or an administrator, may cancel it")
        if record.status is not Status.RUNNING or self.running.cancel(caller.tenant, query_id):
            return record
        asked = self.read.log.request_cancel(caller.tenant, query_id)
        return record if asked is None else asked.judged(self.read.clock.now())


def _is_of(caller: Principal, record: QueryRecord) -> bool:
    return caller.subject == record.subject or caller.has(Role.ADMIN)
