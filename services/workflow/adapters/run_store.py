"""Runs in DynamoDB, in the execution table.

`RUN#<id>` is the run. Beside it, in partitions of their own: `RUNS` and `RUNS#<workflow>` list runs by the
time they were asked for, `QUEUE#<workflow>` those that wait; `LIMITS` counts in `RUNNING#<workflow>` the runs
that hold a place. All of it changes in the transaction that changes the run. A run that has not ended, or was
not sealed, is in the index `by_open` (pk `open`: a shard, sk `opened_at`), in which open approvals are too.
"""

import zlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from services.workflow.adapters.limit_store import LIMITS
from services.workflow.adapters.open_index import OpenIndex
from services.workflow.adapters.run_items import run_item, run_of
from services.workflow.domain.ports import Page
from services.workflow.domain.run import Run, RunStatus
from shared.clock import Clock, iso
from shared.dynamo_items import to_attributes
from shared.errors import Conflict, VersionConflict
from shared.events import Event, envelope
from shared.ids import Ids
from shared.observability import logger
from shared.outbox import Outbox
from shared.table import TenantTable, transact
from shared.table_writes import row_key
from shared.tenancy import TenantId

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

SHARDS = 8
KEPT = timedelta(days=400)
"""How long a run's rows stay: thirteen months. Its history in S3 is the bucket's matter."""
_PREFIX = "RUN#"
_TRIES = 6
"""Of a transaction that met another one on the workflow's counter."""
_PAGES = 20
"""Read for one page of runs of one status."""


class RunStore:
    """One environment's runs."""

    def __init__(self, table: TenantTable, outbox: Outbox, clock: Clock, ids: Ids) -> None:
        self._table = table
        self._outbox = outbox
        self._clock = clock
        self._ids = ids

    def get(self, tenant: TenantId, run: str) -> Run | None:
        row = self._table.get(tenant, _PREFIX + run)
        return None if row is None else run_of(row)

    def create(self, tenant: TenantId, run: Run, events: Sequence[Event] = ()) -> bool:
        place = f"{iso(run.created_at)}#{run.id}"
        listed = {"run": run.id, "ttl": int((run.created_at + KEPT).timestamp())}
        writes = [
            self._table.tx_put(tenant, _PREFIX + run.id, _row(run)),
            self._table.tx_put(tenant, place, listed, partition="RUNS"),
            self._table.tx_put(tenant, place, listed, partition=f"RUNS#{run.workflow}"),
        ]
        if run.status is RunStatus.QUEUED:
            writes.append(
                self._table.tx_put(tenant, place, {"run": run.id}, partition=f"QUEUE#{run.workflow}")
            )
        try:
            transact(self._table.client, [*writes, *self._told(tenant, run.id, events)])
        except Conflict:
            # Also where two ask at once: whichever is first makes it.
            if self.get(tenant, run.id) is None:
                raise
            return False
        return True

    def change(self, tenant: TenantId, before: Run, after: Run, events: Sequence[Event] = ()) -> Run:
        count = self._place(tenant, before, after)
        return self._change(tenant, before, after, [] if count is None else [count], events)

    def take_place(self, tenant: TenantId, before: Run, after: Run, places: int | None) -> Run | None:
        count = self._place(tenant, before, after, places)
        if count is None:
            raise ValueError("no place is taken by this change")
        try:
            return self._change(tenant, before, after, [count], ())
        except VersionConflict:
            raise
        except Conflict:
            return None

    def of_workflow(
        self,
        tenant: TenantId,
        workflow: str | None,
        *,
        status: RunStatus | None,
        limit: int,
        cursor: str | None,
    ) -> Page[Run]:
        partition = "RUNS" if workflow is None else f"RUNS#{workflow}"
        found: list[Run] = []
        for _ in range(_PAGES):
            page = self._table.query(
                tenant, partition=partition, limit=limit - len(found), cursor=cursor, newest_first=True
            )
            runs = (self.get(tenant, row["run"]) for row in page.items)
            found += [run for run in runs if run is not None and status in (None, run.status)]
            cursor = page.cursor
            if cursor is None or len(found) == limit:
                break
        return Page(found, cursor)

    def queued(self, tenant: TenantId, workflow: str, *, limit: int) -> Sequence[Run]:
        page = self._table.query(tenant, partition=f"QUEUE#{workflow}", limit=limit)
        found = [self.get(tenant, row["run"]) for row in page.items]
        return [run for run in found if run is not None and run.status is RunStatus.QUEUED]

    def running(self, tenant: TenantId, workflow: str) -> int:
        row = self._table.get(tenant, f"RUNNING#{workflow}", partition=LIMITS)
        return 0 if row is None else int(row["running"])

    def open(
        self, shard: int, *, after: str | None, limit: int
    ) -> tuple[Sequence[tuple[TenantId, Run]], str | None]:
        keys, following = OpenIndex(self._table).page(shard, prefix=_PREFIX, after=after, limit=limit)
        found = [(tenant, self._readable(tenant, sk.removeprefix(_PREFIX))) for tenant, sk in keys]
        # The index is seconds behind: the row itself says whether it is settled.
        return [(tenant, run) for tenant, run in found if run and not run.settled], following

    # --- inside ---

    def _readable(self, tenant: TenantId, run: str) -> Run | None:
        """None also for a row that cannot be read, which must not hide the others of its page."""
        try:
            return self.get(tenant, run)
        except (KeyError, TypeError, ValueError):
            logger.exception("a run's row cannot be read", tenant=tenant, run=run)
            return None

    def _change(
        self,
        tenant: TenantId,
        before: Run,
        after: Run,
        first: "list[TransactWriteItemTypeDef]",
        events: Sequence[Event],
    ) -> Run:
        row = self._table.tx_put(tenant, _PREFIX + after.id, _row(after), expected_version=before.rowversion)
        writes = [*first, row]
        if before.status is RunStatus.QUEUED and after.status is not RunStatus.QUEUED:
            place = f"{iso(before.created_at)}#{before.id}"
            writes.append(self._table.tx_delete(tenant, place, partition=f"QUEUE#{before.workflow}"))
        writes += self._told(tenant, after.id, events)
        for tries_left in reversed(range(_TRIES)):
            try:
                transact(self._table.client, writes)
                break
            except VersionConflict:
                found = self.get(tenant, before.id)
                if found is None or found.rowversion != before.rowversion or not tries_left:
                    raise
        return replace(after, rowversion=(before.rowversion or 0) + 1)

    def _place(
        self, tenant: TenantId, before: Run, after: Run, places: int | None = None
    ) -> "TransactWriteItemTypeDef | None":
        step = int(after.status.holds_place) - int(before.status.holds_place)
        if not step:
            return None
        values: dict[str, Any] = {":step": step}
        update: Any = {
            "TableName": self._table.name,
            "Key": row_key(tenant, f"RUNNING#{after.workflow}", LIMITS),
            "UpdateExpression": "ADD running :step",
        }
        if places is not None and step > 0:
            update["ConditionExpression"] = "attribute_not_exists(running) OR running < :places"
            values[":places"] = places
        update["ExpressionAttributeValues"] = to_attributes(values)
        return {"Update": update}

    def _told(self, tenant: TenantId, run: str, events: Sequence[Event]) -> "list[TransactWriteItemTypeDef]":
        now = self._clock.now()
        return [
            self._outbox.item(envelope(each, tenant=tenant, id=self._ids.new(), time=now, correlationid=run))
            for each in events
        ]


def _row(run: Run) -> dict[str, Any]:
    row = run_item(run)
    if run.status.ended:
        row["ttl"] = int((run.created_at + KEPT).timestamp())
    if not run.settled:
        row |= {"open": shard_of(run.id), "opened_at": iso(run.created_at)}
    return row


def shard_of(run: str) -> str:
    """Which of the index's partitions holds a run (or another open thing) while it is open."""
    return str(zlib.crc32(run.encode()) % SHARDS)
