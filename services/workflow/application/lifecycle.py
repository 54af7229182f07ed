"""A published workflow is paused, goes on, or is deleted."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from services.workflow.domain.start_ports import Hooks, Schedules, Triggers, Workflows
from services.workflow.domain.workflow import TriggerSet, Workflow
from services.workflow.events import WorkflowDeleted, WorkflowEvent
from shared.clock import Clock
from shared.errors import NotFound
from shared.failpoints import failpoint
from shared.tenancy import Principal, TenantId


@dataclass(frozen=True)
class Lifecycle:
    """The use cases and their ports."""

    workflows: Workflows
    triggers: Triggers
    hooks: Hooks
    schedules: Schedules
    clock: Clock

    def pause(self, principal: Principal, workflow: str) -> Workflow:
        """Nothing starts a run any more; runs that are waiting or going on are not touched."""
        return self._set(principal, workflow, paused=True)

    def resume(self, principal: Principal, workflow: str) -> Workflow:
        """What schedules missed meanwhile is made up for as their `missed` says."""
        return self._set(principal, workflow, paused=False)

    def delete(self, principal: Principal, workflow: str) -> None:
        """Nothing starts it any more, and its webhooks' secrets are gone; runs that go on end as they would.
        What Step Functions holds of it is removed by reconciling, when none goes on. Its number goes on,
        should it be published again."""
        tenant = principal.tenant
        row = self._row(tenant, workflow)
        now = self.clock.now()
        gone = replace(
            row,
            current=None,
            content="",
            publishing=None,
            deleted=True,
            updated_at=now,
            updated_by=principal.subject,
        )
        triggers = TriggerSet(workflow, row.current or 0, (), now, principal.subject, active=False)
        event = WorkflowDeleted(tenant=tenant, workflow=workflow, by=principal.subject, deleted_at=now)
        crons = self._triggers(tenant, row).crons()
        self._move(tenant, gone, triggers, [event])
        failpoint("workflow delete: moved")
        for cron in crons:
            self.schedules.delete(self.schedules.name(tenant, workflow, cron))
        for hook in self.hooks.of(tenant, workflow):
            self.hooks.remove(tenant, hook)

    def _set(self, principal: Principal, workflow: str, *, paused: bool) -> Workflow:
        row = self._row(principal.tenant, workflow)
        if row.paused == paused:
            return row
        triggers = replace(self._triggers(principal.tenant, row), active=not paused)
        changed = replace(row, paused=paused, updated_at=self.clock.now(), updated_by=principal.subject)
        return self._move(principal.tenant, changed, triggers, [])

    def _row(self, tenant: TenantId, workflow: str) -> Workflow:
        row = self.workflows.get(tenant, workflow)
        if row is None or row.deleted or row.current is None:
            raise NotFound(f"no workflow {workflow}")
        return row

    def _triggers(self, tenant: TenantId, row: Workflow) -> TriggerSet:
        found = self.triggers.get(tenant, row.id)
        if found is None:
            raise NotFound(f"{row.id} has no triggers")
        return found

    def _move(
        self, tenant: TenantId, row: Workflow, triggers: TriggerSet, events: Sequence[WorkflowEvent]
    ) -> Workflow:
        return self.workflows.move(tenant, row, triggers, events)
