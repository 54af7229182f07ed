"""The audit records of queries, in DynamoDB: TENANT#<tenant>, QUERY#<query id>."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from services.query_engine.domain.answers import QueryRecord, Status
from shared.clock import iso
from shared.table import TenantTable
from shared.tenancy import TenantId

PREFIX = "QUERY#"


class DynamoQueryLog:
    """One row per query; `finish` replaces what `begin` wrote."""

    def __init__(self, table: TenantTable) -> None:
        self._table = table

    def begin(self, tenant: TenantId, record: QueryRecord) -> None:
        self._table.put_new(tenant, PREFIX + record.query_id, _item(record))

    def finish(self, tenant: TenantId, record: QueryRecord) -> None:
        self._table.put(tenant, PREFIX + record.query_id, _item(record), expected_version=1)

    def find(self, tenant: TenantId, query_id: str) -> QueryRecord | None:
        item = self._table.get(tenant, PREFIX + query_id)
        return None if item is None else _record(item)


def _item(record: QueryRecord) -> dict[str, Any]:
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
    }


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
        as_of=datetime.fromisoformat(item["as_of"]) if item.get("as_of") else None,
    )
