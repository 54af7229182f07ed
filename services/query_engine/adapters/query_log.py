"""The audit records of queries, in DynamoDB: TENANT#<tenant>, QUERY#<query id>."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

from services.query_engine.domain.answers import Format, QueryRecord, Status
from services.query_engine.domain.routing_rules import Decision, Declined
from shared.clock import iso
from shared.errors import NotFound, Unavailable, VersionConflict
from shared.table import TenantTable
from shared.tenancy import TenantId

PREFIX = "QUERY#"
_TRIES = 5


class DynamoQueryLog:
    """One row per query; `finish` replaces what `begin` wrote."""

    def __init__(self, table: TenantTable, kept: timedelta = timedelta(days=90)) -> None:
        """`kept`: how long a row is, from when its query began."""
        self._table = table
        self._kept = kept

    def begin(self, tenant: TenantId, record: QueryRecord) -> None:
        self._table.put_new(tenant, PREFIX + record.query_id, self._item(record))

    def finish(self, tenant: TenantId, record: QueryRecord) -> None:
        try:
            # Most queries are over before anybody touches their rows.
            self._table.put(tenant, PREFIX + record.query_id, self._item(record), expected_version=1)
        except VersionConflict:
            self._change(tenant, record.query_id, lambda _: record)

    def find(self, tenant: TenantId, query_id: str) -> QueryRecord | None:
        item = self._table.get(tenant, PREFIX + query_id)
        return None if item is None else _record(item)

    def renew(self, tenant: TenantId, query_id: str, lease_until: datetime) -> bool:
        changed = self._change(tenant, query_id, lambda found: _renewed(found, lease_until))
        return changed.cancel_requested

    def request_cancel(self, tenant: TenantId, query_id: str) -> QueryRecord | None:
        try:
            return self._change(tenant, query_id, _to_cancel)
        except NotFound:
            return None

    def _change(
        self, tenant: TenantId, query_id: str, change: Callable[[QueryRecord], QueryRecord]
    ) -> QueryRecord:
        """The record as it is afterwards. Raises NotFound and Unavailable."""
        for _ in range(_TRIES):
            item = self._table.get(tenant, PREFIX + query_id)
            if item is None:
                raise NotFound(f"there is no query {query_id}")
            changed = change(found := _record(item))
            if changed == found:
                return found
            try:
                self._table.put(
                    tenant, PREFIX + query_id, self._item(changed), expected_version=item["version"]
                )
            except VersionConflict:
                continue
            return changed
        raise Unavailable(f"the record of query {query_id} changes faster than it can be written")

    def _item(self, record: QueryRecord) -> dict[str, Any]:
        lease = record.lease_until
        return {
            "query_id": record.query_id,
            "subject": record.subject,
            "sql": record.sql,
            "sql_bytes": record.sql_bytes,
            "status": record.status.value,
            "started_at": iso(record.started_at),
            "engine": record.engine,
            "code": record.code,
            "rows": record.rows,
            "bytes": record.bytes,
            "elapsed_ms": record.elapsed_ms,
            "files": record.files,
            "tables": list(record.tables),
            # Text: a snapshot id has 19 digits, which readers of JSON numbers cut.
            "snapshots": [str(each) for each in record.snapshots],
            "as_of": None if record.as_of is None else iso(record.as_of),
            "format": record.format.value,
            "stored": record.stored,
            "lease_until": None if lease is None else iso(lease),
            "cancel_requested": record.cancel_requested,
            "decision": None if record.decision is None else _decided(record.decision),
            "ttl": int((record.started_at + self._kept).timestamp()),
        }


def _renewed(found: QueryRecord, lease_until: datetime) -> QueryRecord:
    return replace(found, lease_until=lease_until) if found.status is Status.RUNNING else found


def _to_cancel(found: QueryRecord) -> QueryRecord:
    return replace(found, cancel_requested=True) if found.status is Status.RUNNING else found


def _record(item: Mapping[str, Any]) -> QueryRecord:
    return QueryRecord(
        query_id=item["query_id"],
        subject=item["subject"],
        sql=item["sql"],
        sql_bytes=item["sql_bytes"],
        status=Status(item["status"]),
        started_at=datetime.fromisoformat(item["started_at"]),
        engine=item["engine"],
        code=item["code"],
        rows=item["rows"],
        bytes=item["bytes"],
        elapsed_ms=item["elapsed_ms"],
        files=item["files"],
        tables=tuple(item["tables"]),
        snapshots=tuple(int(each) for each in item["snapshots"]),
        as_of=_moment(item.get("as_of")),
        # Rows of before there were formats have none of these.
        format=Format(item.get("format", Format.JSON)),
        stored=item.get("stored", False),
        lease_until=_moment(item.get("lease_until")),
        cancel_requested=item.get("cancel_requested", False),
        decision=_decision(item.get("decision")),
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _decided(decision: Decision) -> dict[str, Any]:
    return {**asdict(decision), "declined": [asdict(each) for each in decision.declined]}


def _decision(item: Mapping[str, Any] | None) -> Decision | None:
    if item is None:
        return None
    return Decision(
        engine=item["engine"],
        rule=item["rule"],
        why=item["why"],
        declined=tuple(Declined(**each) for each in item["declined"]),
    )
