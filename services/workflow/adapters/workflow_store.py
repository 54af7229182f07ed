"""Workflows in DynamoDB: `WORKFLOW#<id>`. What starts one changes with it, in one transaction."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from services.workflow.adapters.trigger_store import TriggerStore
from services.workflow.adapters.workflow_items import workflow_item, workflow_of
from services.workflow.domain.ports import Page
from services.workflow.domain.workflow import TriggerSet, Workflow
from shared.clock import Clock
from shared.events import Event, envelope
from shared.ids import Ids
from shared.outbox import Outbox
from shared.table import TenantTable, transact
from shared.tenancy import TenantId

_PREFIX = "WORKFLOW#"


class WorkflowStore:
    """One environment's workflows."""

    def __init__(
        self, table: TenantTable, triggers: TriggerStore, outbox: Outbox, clock: Clock, ids: Ids
    ) -> None:
        self._table = table
        self._triggers = triggers
        self._outbox = outbox
        self._clock = clock
        self._ids = ids

    def get(self, tenant: TenantId, workflow: str) -> Workflow | None:
        row = self._table.get(tenant, _PREFIX + workflow)
        return None if row is None else workflow_of(row)

    def page(self, tenant: TenantId, *, limit: int, cursor: str | None) -> Page[Workflow]:
        page = self._table.query(tenant, prefix=_PREFIX, limit=limit, cursor=cursor)
        return Page([workflow_of(row) for row in page.items], page.cursor)

    def every(self, tenant: TenantId) -> Iterator[Workflow]:
        return (workflow_of(row) for row in self._table.query_all(tenant, prefix=_PREFIX))

    def save(self, tenant: TenantId, workflow: Workflow) -> Workflow:
        version = self._table.put(
            tenant, _PREFIX + workflow.id, workflow_item(workflow), expected_version=workflow.rowversion
        )
        return replace(workflow, rowversion=version)

    def move(
        self, tenant: TenantId, workflow: Workflow, triggers: TriggerSet, events: Sequence[Event]
    ) -> Workflow:
        put = self._table.tx_put(
            tenant, _PREFIX + workflow.id, workflow_item(workflow), expected_version=workflow.rowversion
        )
        told = [
            self._outbox.item(envelope(each, tenant=tenant, id=self._ids.new(), time=self._clock.now()))
            for each in events
        ]
        transact(self._table.client, [put, *self._triggers.writes(tenant, triggers), *told])
        return replace(workflow, rowversion=(workflow.rowversion or 0) + 1)
