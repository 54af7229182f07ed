"""EXPLAIN: what a query would read and which engine would answer it. Nothing is run for it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.query_engine.domain.errors import SQL_SYNTAX, UNSUPPORTED_SQL, Position, refuse
from services.query_engine.domain.plan import Plan
from services.query_engine.domain.pruning import Scan, TableScan
from services.query_engine.domain.router import Routed
from services.query_engine.domain.routing_rules import Decision
from services.query_engine.domain.tables import Table
from shared.clock import iso
from shared.tenancy import TenantId

_BLANK = r"(?:\s|--[^\n]*(?:\n|$)|/\*.*?\*/)*"
_EXPLAIN = re.compile(rf"{_BLANK}EXPLAIN\b(?P<gap>{_BLANK})", re.IGNORECASE | re.DOTALL)
_OPTION = re.compile(r"(?:ANALYZE\b|VERBOSE\b|\(\s*(?:TYPE|FORMAT)\b)", re.IGNORECASE)


@dataclass(frozen=True)
class ExplainedTable:
    """A table as it would be read. `published_at` is the moment of the newest of its published sets;
    `policies` are row policies that narrow it for this caller."""

    scan: TableScan
    snapshots: tuple[int, ...]
    published_at: datetime | None
    policies: tuple[str, ...] = ()


@dataclass(frozen=True)
class Explanation:
    """`sql` is the query in the dialect of the engine that was chosen; `notes` are for whoever asked;
    `in_memory` says whether the columns are in memory now, None where that is not known."""

    decision: Decision
    sql: str
    tables: tuple[ExplainedTable, ...]
    notes: tuple[str, ...] = ()
    in_memory: bool | None = None


class Residency(Protocol):
    """Knows what is in memory."""

    def in_memory(self, tenant: TenantId, plan: Plan) -> bool | None:
        """Whether the plan would run over columns in memory; None where that cannot be told now."""
        ...


class NoResidency:
    """Where nobody knows."""

    def in_memory(self, tenant: TenantId, plan: Plan) -> bool | None:
        return None


def split_explain(text: str) -> tuple[str, bool]:
    """The query without its EXPLAIN, and whether there was one. Every other character stays in its place, so
    that an error names the right line and column.

    Raises BadRequest (UNSUPPORTED_SQL) for EXPLAIN with options.
    """
    found = _EXPLAIN.match(text)
    if found is None:
        return text, False
    at = Position.of(text, found.end())
    if _OPTION.match(text, found.end()):
        raise refuse(
            UNSUPPORTED_SQL,
            "EXPLAIN takes no options here, and runs nothing: write EXPLAIN SELECT ...",
            at=at,
        )
    if found.end() == len(text):
        raise refuse(SQL_SYNTAX, "There is no query after EXPLAIN", at=at)
    return re.sub(r"[^\n]", " ", found.group()) + text[found.end() :], True


def explain(
    catalog: Mapping[str, Table],
    scan: Scan,
    routed: Routed,
    in_memory: bool | None = None,
    policies: Mapping[str, tuple[str, ...]] | None = None,
) -> Explanation:
    """`catalog` are the query's tables with all their files, `policies` what narrows them for the caller,
    both by lower case name."""
    tables = tuple(
        ExplainedTable(scan.tables[name], table.snapshots, table.published_at, (policies or {}).get(name, ()))
        for name, table in sorted(catalog.items())
    )
    return Explanation(routed.decision, routed.plan.sql, tables, scan.query.notes, in_memory)


def lines(explanation: Explanation) -> Iterator[str]:
    """The explanation for a person, line by line."""
    decision = explanation.decision
    yield f"Engine: {decision.engine}"
    yield f"  rule {decision.rule}: {decision.why}"
    for each in decision.declined:
        yield f"  {each.engine} declined: {each.why}"
    held = {True: "yes", False: "no", None: "not known"}[explanation.in_memory]
    yield f"  columns in memory: {held}"
    for table in explanation.tables:
        yield from _table_lines(table)
    for note in explanation.notes:
        yield f"Note: {note}"
    yield f"SQL for {decision.engine}:"
    yield from (f"  {line}" for line in explanation.sql.splitlines())


def _table_lines(table: ExplainedTable) -> Iterator[str]:
    scan = table.scan
    yield f"Table {scan.name}"
    moment = iso(table.published_at) if table.published_at else "never"
    snapshots = ", ".join(map(str, table.snapshots)) or "none"
    yield f"  published: {moment}, snapshots {snapshots}"
    yield f"  columns read: {', '.join(scan.columns)}"
    yield f"  files: {scan.files_after:,} of {scan.files_before:,}"
    if scan.bytes_before is None or scan.bytes_after is None:
        yield "  bytes: not known"
    else:
        yield f"  bytes of these columns: {scan.bytes_after:,} of {scan.bytes_before:,}"
    rows = "not known" if scan.rows_after is None else f"at most {scan.rows_after:,}"
    yield f"  rows: {rows} of {scan.rows_before:,}"
    yield f"  row policies: {', '.join(table.policies) or 'none'}"
