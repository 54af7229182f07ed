"""What use cases return, as the bodies that are published."""

from collections.abc import Iterable
from typing import Any

from services.query_engine.application.answer_query import Answered
from services.query_engine.application.list_tables import ListedTable
from services.query_engine.application.read_query import Found, ResultFile
from services.query_engine.domain.answers import QueryRecord
from services.query_engine.domain.explain import Explanation
from services.query_engine.domain.routing_rules import Decision
from services.query_engine.handlers.models import (
    QueryAudit,
    QueryBill,
    QueryColumn,
    QueryDecision,
    QueryDeclined,
    QueryExplain,
    QueryFile,
    QueryScan,
    QueryTable,
    QueryTables,
)
from shared.json_text import dumps, plain


def answer(answered: Answered, stored: ResultFile | None = None) -> bytes:
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
    if answered.notes:
        tail["notes"] = list(answered.notes)
    if answered.explanation is not None:
        tail["explain"] = explained(answered.explanation)
    if stored is not None:
        return dumps(head | {"file": file(stored)} | tail).encode()
    return b'%s,"rows":%s,%s' % (dumps(head)[:-1].encode(), found.rows, dumps(tail)[1:].encode())


def explained(explanation: Explanation) -> QueryExplain:
    return QueryExplain(
        decision=decided(explanation.decision),
        in_memory=explanation.in_memory,
        tables=[
            QueryScan(
                table=each.scan.name,
                published_at=each.published_at,
                snapshots=[str(one) for one in each.snapshots],
                columns=list(each.scan.columns),
                files_before=each.scan.files_before,
                files_after=each.scan.files_after,
                bytes_before=each.scan.bytes_before,
                bytes_after=each.scan.bytes_after,
                rows_before=each.scan.rows_before,
                rows_after=each.scan.rows_after,
                policies=list(each.policies),
            )
            for each in explanation.tables
        ],
        sql=explanation.sql,
        notes=list(explanation.notes),
    )


def decided(decision: Decision) -> QueryDecision:
    return QueryDecision(
        engine=decision.engine,
        rule=decision.rule,
        why=decision.why,
        declined=[
            QueryDeclined(engine=each.engine, code=each.code, why=each.why, running=each.running)
            for each in decision.declined
        ],
    )


def file(stored: ResultFile) -> QueryFile:
    return QueryFile(
        url=stored.url,
        expires_at=stored.expires_at,
        content_type=stored.content_type,
        filename=stored.filename,
        bytes=stored.bytes,
    )


def state(found: Found) -> bytes:
    """A QueryState; its columns and rows are a JSON object already."""
    head = plain(audit(found.record)) | ({"file": file(found.file)} if found.file else {})
    if found.content is None:
        return dumps(head).encode()
    return b"%s,%s" % (dumps(head)[:-1].encode(), found.content[1:])


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
        format=record.format.value,
        cancel_requested=record.cancel_requested,
        decision=None if record.decision is None else decided(record.decision),
    )
