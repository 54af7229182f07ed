"""Approvals in DynamoDB, in the execution table.

    APPROVAL#<id>                         the approval
    OPEN_APPROVALS   <created_at>#<id>    those that are open, to be listed
    APPROVALS#<run>  <id>                 those of a run

An open one is in the index `by_open` too, where reconciling finds it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from services.workflow.adapters.open_index import OpenIndex
from services.workflow.adapters.outgoing import Outgoing
from services.workflow.adapters.run_store import shard_of
from services.workflow.domain.ports import Page
from services.workflow.domain.run import Approval, ApprovalStatus, Decision
from shared.clock import iso
from shared.events import Event
from shared.table import TenantTable
from shared.tenancy import TenantId

Item = dict[str, Any]
KEPT = timedelta(days=400)
_PREFIX = "APPROVAL#"
_OPEN = "OPEN_APPROVALS"
_PLAIN = ("id", "run", "workflow", "step", "at", "message", "count", "requester", "reminders", "token")


class ApprovalStore:
    """One environment's approvals."""

    def __init__(self, table: TenantTable, outgoing: Outgoing) -> None:
        self._table = table
        self._outgoing = outgoing

    def get(self, tenant: TenantId, approval: str) -> Approval | None:
        item = self._table.get(tenant, _PREFIX + approval)
        return None if item is None else approval_of(item)

    def save(self, tenant: TenantId, approval: Approval, events: Sequence[Event] = ()) -> Approval:
        table, id, version = self._table, approval.id, approval.rowversion
        place = f"{iso(approval.created_at)}#{id}"
        ttl = int((approval.created_at + KEPT).timestamp())
        writes = [table.tx_put(tenant, _PREFIX + id, _row(approval, ttl), expected_version=version)]
        if version is None:
            listed = {"approval": id, "ttl": ttl}
            writes.append(table.tx_put(tenant, id, listed, partition=f"APPROVALS#{approval.run}"))
            if approval.status is ApprovalStatus.OPEN:
                writes.append(table.tx_put(tenant, place, listed, partition=_OPEN))
        elif approval.status is not ApprovalStatus.OPEN:
            writes.append(table.tx_delete(tenant, place, partition=_OPEN))
        self._outgoing.write(table, tenant, writes, events, about=approval.run)
        return replace(approval, rowversion=(version or 0) + 1)

    def open(self, tenant: TenantId, *, limit: int, cursor: str | None) -> Page[Approval]:
        page = self._table.query(tenant, partition=_OPEN, limit=limit, cursor=cursor)
        found = (self.get(tenant, row["approval"]) for row in page.items)
        return Page([each for each in found if each is not None], page.cursor)

    def of_run(self, tenant: TenantId, run: str) -> Sequence[Approval]:
        rows = self._table.query_all(tenant, partition=f"APPROVALS#{run}")
        found = (self.get(tenant, row["approval"]) for row in rows)
        return [each for each in found if each is not None]

    def open_everywhere(
        self, shard: int, *, after: str | None, limit: int
    ) -> tuple[Sequence[tuple[TenantId, Approval]], str | None]:
        """Open approvals of all tenants in a shard of the index, and where the next page begins: for
        reconciling."""
        keys, following = OpenIndex(self._table).page(shard, prefix=_PREFIX, after=after, limit=limit)
        found = [(tenant, self.get(tenant, sk.removeprefix(_PREFIX))) for tenant, sk in keys]
        return [
            (tenant, each) for tenant, each in found if each and each.status is ApprovalStatus.OPEN
        ], following


def _row(approval: Approval, ttl: int) -> Item:
    item = approval_item(approval)
    if approval.status is not ApprovalStatus.OPEN:
        return {**item, "ttl": ttl}
    return {**item, "open": shard_of(approval.id), "opened_at": iso(approval.created_at)}


def approval_item(approval: Approval) -> Item:
    reminded = approval.reminded_at
    return {
        **{name: getattr(approval, name) for name in _PLAIN},
        "roles": list(approval.roles),
        "subjects": list(approval.subjects),
        "requesters": list(approval.requesters),
        "status": approval.status.value,
        "created_at": iso(approval.created_at),
        "expires_at": iso(approval.expires_at),
        "reminded_at": None if reminded is None else iso(reminded),
        "decisions": [
            {"by": each.by, "approve": each.approve, "at": iso(each.at), "comment": each.comment}
            for each in approval.decisions
        ],
    }


def approval_of(item: Mapping[str, Any]) -> Approval:
    reminded = item["reminded_at"]
    return Approval(
        **{name: item[name] for name in _PLAIN},
        roles=tuple(item["roles"]),
        subjects=tuple(item["subjects"]),
        requesters=tuple(item["requesters"]),
        status=ApprovalStatus(item["status"]),
        created_at=datetime.fromisoformat(item["created_at"]),
        expires_at=datetime.fromisoformat(item["expires_at"]),
        reminded_at=None if reminded is None else datetime.fromisoformat(reminded),
        decisions=tuple(
            Decision(each["by"], each["approve"], datetime.fromisoformat(each["at"]), each["comment"])
            for each in item["decisions"]
        ),
        rowversion=int(item["version"]),
    )
