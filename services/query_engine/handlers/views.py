"""What use cases return, as the bodies that are published."""

from collections.abc import Iterable
from typing import Any

from services.query_engine.application.answer_query import Answered
from services.query_engine.application.list_tables import ListedTable
from services.query_engine.domain.answers import QueryRecord
from services.query_engine.handlers.models import (
    QueryAudit,
    QueryBill,
    QueryColumn,
    QueryTable,
    QueryTables,
)
from shared.json_text import dumps


def answer(answered: Answered) -> bytes:
    """A QueryAnswer. The rows are JSON text already, and are put in as they are."""
    record, found = answered.record, answered.answer
    head: dict[str, Any] = {
        "query_id": record.query_id,
        "columns": [{"name": each.name, "type": each.type} for each in found.columns],
    }
    tail: dict[str, Any] = {
        "row_count": found.row_count,
        "elapsed_ms": record.elapsed_ms,
        "engine": record.engine,
    }
    return b'%s,"rows":%s,%s' % (dumps(head)[:-1].encode(), found.rows, dumps(tail)[1:].encode())


def tables(listed: Iterable[ListedTable]) -> QueryTables:
    return QueryTables(
        rows=[
            QueryTable(
                name=each.table.name,
                columns=[QueryColumn(name=column.name, type=column.type) for column in each.table.columns],
                rows=each.table.rows,
                published_at=each.table.published_at,
                bills=[
                    QueryBill(
                        bill_id=bill.bill_id,
                        source=bill.source,
                        billing_period=bill.billing_period,
                        rows=bill.rows,
                        published_at=bill.published_at,
                    )
                    for bill in each.bills
                ],
            )
            for each in listed
        ]
    )


def audit(record: QueryRecord) -> QueryAudit:
    return QueryAudit(
        query_id=record.query_id,
        subject=record.subject,
        sql=record.sql,
        sql_bytes=record.sql_bytes,
        status=record.status.value,
        code=record.code or None,
        started_at=record.started_at,
        elapsed_ms=record.elapsed_ms,
        engine=record.engine or None,
        row_count=record.rows,
        bytes=record.bytes,
        files=record.files,
        tables=list(record.tables),
        snapshots=[str(each) for each in record.snapshots],
        as_of=record.as_of,
    )
