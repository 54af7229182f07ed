"""Publishing: from a workflow's text to a version that runs.

The number is reserved first, then each write is one that can be done again: the version's row, its state
machine's version, the workflow's row with its triggers (one transaction: from here on new runs are of it),
the schedules. Whoever publishes the same text again goes on where the last one died; so does reconciling.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from services.workflow.domain.definition import ActionStep, CronTrigger, Definition
from services.workflow.domain.ports import Published
from services.workflow.domain.start_ports import (
    Machines,
    Schedules,
    StoredVersions,
    Tenants,
    Triggers,
    Workflows,
)
from services.workflow.domain.workflow import Publication, TriggerSet, Workflow, content_of
from services.workflow.events import WorkflowPublished
from shared.actions import Action
from shared.clock import Clock
from shared.errors import Conflict, VersionConflict
from shared.failpoints import failpoint
from shared.tenancy import Principal, TenantId

ABANDONED = timedelta(minutes=1)
"""How long a publication may take before somebody else's takes its place: longer than the function runs."""
_MOVES = 5


@dataclass(frozen=True)
class Outcome:
    """`changed` is False where the text was the current version's already."""

    workflow: Workflow
    version: int
    changed: bool


@dataclass(frozen=True)
class Publish:
    """The use case and its ports. `parse` raises DefinitionInvalid; `compile` makes the ASL of a version;
    `action` finds an action (UnknownAction)."""

    workflows: Workflows
    versions: StoredVersions
    triggers: Triggers
    machines: Machines
    schedules: Schedules
    tenants: Tenants
    parse: Callable[[str], Definition]
    compile: Callable[[Definition, TenantId, int], str]
    action: Callable[[str], Action]
    clock: Clock
    failpoint: Callable[[str], None] = failpoint

    def __call__(self, principal: Principal, source: str) -> Outcome:
        """Raises DefinitionInvalid, Forbidden (an action needs a role that the caller lacks), and Conflict
        where somebody else is publishing the same workflow."""
        tenant, definition, content = principal.tenant, self.checked(source, principal), content_of(source)
        found = self.workflows.get(tenant, definition.id)
        if found and found.current and not found.deleted and found.content == content:
            self.schedule(tenant, definition)
            return Outcome(found, found.current, changed=False)
        self.tenants.add(tenant)
        row = self._reserved(tenant, found, definition, content, principal.subject)
        self.failpoint("workflow publish: reserved")
        return self._finish(tenant, row, source, definition)

    def checked(self, source: str, principal: Principal | None = None) -> Definition:
        """The definition, if it can be published (by `principal`)."""
        definition = self.parse(source)
        for step in definition.every_step():
            if principal is not None and isinstance(step, ActionStep):
                principal.require(self.action(step.action).role)
        return definition

    def resume(self, tenant: TenantId, row: Workflow) -> bool:
        """Finish (or forget) a publication that was left half way; whether there was one."""
        if row.publishing is None or self.clock.now() - row.publishing.at < ABANDONED:
            return False
        stored = self.versions.get(tenant, row.id, row.publishing.version)
        if stored is None:
            self.workflows.save(tenant, replace(row, publishing=None))
        else:
            self._finish(tenant, row, stored.source, stored.definition)
        return True

    def schedule(self, tenant: TenantId, definition: Definition) -> None:
        """A schedule for each cron trigger. (Those of triggers that are gone are reconciling's matter: until
        then what they say is heard by nobody.)"""
        for trigger in definition.triggers:
            if isinstance(trigger, CronTrigger):
                self.schedules.ensure(tenant, definition.id, trigger)

    def _reserved(
        self, tenant: TenantId, found: Workflow | None, definition: Definition, content: str, by: str
    ) -> Workflow:
        now = self.clock.now()
        row = found or Workflow(definition.id, definition.title, now, by)
        under_way = row.publishing
        if under_way is not None:
            if under_way.content == content:
                return row
            if now - under_way.at < ABANDONED:
                raise Conflict(
                    f"{under_way.by} is publishing version {under_way.version} of {row.id}: look at it, and "
                    "publish again",
                    code="PUBLISH_IN_PROGRESS",
                    retry_after=5,
                )
        number = row.reserved + 1
        publishing = Publication(number, content, by, now)
        return self.workflows.save(tenant, replace(row, reserved=number, publishing=publishing, machine=True))

    def _finish(self, tenant: TenantId, row: Workflow, source: str, definition: Definition) -> Outcome:
        publication = row.publishing
        if publication is None:
            raise ValueError("nothing is being published")
        stored = self._stored(tenant, publication, source, definition)
        self.failpoint("workflow publish: version stored")
        if stored.machine is None:
            machine = self.machines.publish(tenant, definition.id, stored.version, stored.asl)
            self.failpoint("workflow publish: machine published")
            self.versions.ready(tenant, definition.id, stored.version, machine)
        self.failpoint("workflow publish: version ready")
        moved = self._moved(tenant, row, publication, definition)
        self.failpoint("workflow publish: moved")
        self.schedule(tenant, definition)
        self.failpoint("workflow publish: scheduled")
        return Outcome(moved, publication.version, changed=True)

    def _stored(
        self, tenant: TenantId, publication: Publication, source: str, definition: Definition
    ) -> Published:
        # What an earlier attempt stored is what its machine runs, also if the compiler is a newer one now.
        stored = self.versions.get(tenant, definition.id, publication.version)
        if stored is not None:
            return stored
        made = Published(
            workflow=definition.id,
            version=publication.version,
            source=source,
            definition=definition,
            asl=self.compile(definition, tenant, publication.version),
            machine=None,
            published_by=publication.by,
            published_at=publication.at,
            content=publication.content,
        )
        self.versions.add(tenant, made)
        return self.versions.get(tenant, definition.id, publication.version) or made

    def _moved(
        self, tenant: TenantId, row: Workflow, publication: Publication, definition: Definition
    ) -> Workflow:
        """The workflow's row, once it names the version; whoever else changed the row meanwhile (paused it,
        say) is not overwritten."""
        for _ in range(_MOVES):
            try:
                return self._move(tenant, row, publication, definition)
            except VersionConflict:
                found = self.workflows.get(tenant, definition.id)
                if found is not None and found.current == publication.version:
                    return found
                if found is None or found.publishing != publication:
                    raise Conflict(
                        f"{definition.id} was changed by somebody else meanwhile: look at it, and publish "
                        "again",
                        code="PUBLISH_SUPERSEDED",
                    ) from None
                row = found
        raise Conflict(f"{definition.id} is being changed by many: try again", code="PUBLISH_IN_PROGRESS")

    def _move(
        self, tenant: TenantId, row: Workflow, publication: Publication, definition: Definition
    ) -> Workflow:
        now = self.clock.now()
        paused = row.paused and not row.deleted
        moved = replace(
            row,
            title=definition.title,
            current=publication.version,
            content=publication.content,
            publishing=None,
            paused=paused,
            deleted=False,
            updated_at=now,
            updated_by=publication.by,
        )
        before = self.triggers.get(tenant, definition.id)
        triggers = TriggerSet(
            definition.id,
            publication.version,
            definition.triggers,
            now,
            publication.by,
            active=not paused,
            unchanged={} if before is None else before.kept(definition.triggers),
        )
        event = WorkflowPublished(
            tenant=tenant,
            workflow=definition.id,
            workflow_version=publication.version,
            title=definition.title,
            by=publication.by,
            published_at=now,
        )
        return self.workflows.move(tenant, moved, triggers, [event])
