"""A person, or a program with a token, starts a run."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.workflow.domain.definition import ManualTrigger
from services.workflow.domain.fields import check_fields, with_defaults
from services.workflow.domain.naming import MANUAL, run_id
from services.workflow.domain.run import Run, RunStatus
from services.workflow.domain.start_ports import QueuedRuns, StoredVersions, Workflows
from services.workflow.domain.workflow import Workflow
from services.workflow.events import RunRequested
from shared.clock import Clock
from shared.errors import Conflict, NotFound, Unavailable, Unprocessable
from shared.json_text import plain
from shared.tenancy import Principal


@dataclass(frozen=True)
class StartRun:
    """The use case and its ports."""

    workflows: Workflows
    versions: StoredVersions
    runs: QueuedRuns
    clock: Clock

    def __call__(self, who: Principal, workflow: str, inputs: Mapping[str, Any], key: str) -> Run:
        """The run: a new one, or the one that `key` (the caller's own) made before.

        Raises NotFound, Conflict (WORKFLOW_PAUSED, NO_MANUAL_TRIGGER, KEY_REUSED), and Unprocessable
        (INPUTS_INVALID) whose `errors` name the inputs.
        """
        row = self.workflows.get(who.tenant, workflow)
        if row is None or row.deleted or row.current is None:
            raise NotFound(f"no workflow {workflow}")
        made = self._made(who, row, row.current, inputs, key)
        asked = RunRequested(
            tenant=who.tenant,
            workflow=workflow,
            run_id=made.id,
            workflow_version=made.version,
            trigger=made.trigger,
            cause=made.cause,
            requested_by=who.subject,
            inputs=dict(made.inputs),
        )
        if self.runs.create(who.tenant, made, [asked]):
            return made
        found = self.runs.get(who.tenant, made.id)
        if found is None:
            raise Unavailable(f"run {made.id} was stored and cannot be read", retry_after=1)
        # Of the version then, whose defaults may have been others: only what was given is compared.
        if any(plain(found.inputs.get(name)) != plain(value) for name, value in inputs.items()):
            raise Conflict("the key was used for a run with other inputs", code="KEY_REUSED")
        return found

    def _made(self, who: Principal, row: Workflow, version: int, inputs: Mapping[str, Any], key: str) -> Run:
        published = self.versions.get(who.tenant, row.id, version)
        if published is None:
            raise Unavailable(f"version {version} of {row.id} cannot be read", retry_after=1)
        definition = published.definition
        manual = next((each for each in definition.triggers if isinstance(each, ManualTrigger)), None)
        if manual is None:
            raise Conflict(
                f"{row.id} has no manual trigger: add one (triggers: [{{name: {MANUAL}, manual: true}}])",
                code="NO_MANUAL_TRIGGER",
            )
        if row.paused:
            raise Conflict(f"{row.id} is paused: resume it first", code="WORKFLOW_PAUSED")
        if wrong := check_fields(definition.inputs, inputs):
            raise Unprocessable(
                f"inputs of {row.id}: {wrong[0].message}",
                code="INPUTS_INVALID",
                errors=[
                    {"field": f"inputs.{each.path}", "code": each.code, "message": each.message}
                    for each in wrong
                ],
            )
        return Run(
            id=run_id(who.tenant, row.id, manual.name, f"{who.subject}:{key}"),
            workflow=row.id,
            version=version,
            status=RunStatus.QUEUED,
            trigger=manual.name,
            cause=f"{who.subject}:{key}",
            started_by=who.subject,
            created_at=self.clock.now(),
            inputs=with_defaults(definition.inputs, inputs),
        )
