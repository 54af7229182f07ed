"""From something that happened to a request for a run: what all kinds of triggers have in common.

A run's id is derived from its cause, so the same cause asks for the same run however often it is told. What
cannot become a run (its inputs do not fit, it is the eleventh run of a chain) becomes one that is refused, so
that whoever looks for it finds it and its reason.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.workflow.application.endings import finished
from services.workflow.domain.errors import ExpressionError
from services.workflow.domain.expressions import holds, render
from services.workflow.domain.fields import check_fields, with_defaults
from services.workflow.domain.naming import run_id
from services.workflow.domain.ports import Versions
from services.workflow.domain.run import Failure, Run, RunStatus
from services.workflow.domain.start_ports import QueuedRuns, Requests
from services.workflow.domain.workflow import TriggerSet
from services.workflow.events import RunRequested
from shared.clock import Clock
from shared.errors import PayloadTooLarge
from shared.events import Envelope, envelope, to_entry
from shared.ids import deterministic_id
from shared.json_text import plain
from shared.tenancy import TenantId

MOST_DEPTH = 10
"""How many runs may lead to each other by events: more is taken for a loop."""
_LONGEST = 1_000


@dataclass(frozen=True)
class Cause:
    """What happened. `event` is what expressions see, `by` who is behind it, `depth` that of the new run."""

    tenant: TenantId
    triggers: TriggerSet
    trigger: str
    id: str
    by: str
    event: Mapping[str, Any] | None
    inputs: Mapping[str, Any]
    when: str | None = None
    depth: int = 0


@dataclass(frozen=True)
class Requesting:
    """The use case and its ports."""

    versions: Versions
    runs: QueuedRuns
    requests: Requests
    clock: Clock

    def __call__(self, causes: Sequence[Cause]) -> list[str]:
        """The runs that were asked for, in few writes. Causes whose condition does not hold ask for none."""
        now = self.clock.now()
        asked: list[Envelope] = []
        for cause in causes:
            made = self._asked(cause, now)
            if isinstance(made, Failure):
                self._refuse(cause, made, now)
            elif made is not None:
                asked.append(made)
        if asked:
            self.requests.send(asked)
        return [str(each.data["run_id"]) for each in asked]

    def _asked(self, cause: Cause, now: datetime) -> Envelope | Failure | None:
        scope = {"event": cause.event}
        try:
            if cause.when is not None and not holds(cause.when, scope):
                return None
            rendered = plain(render(cause.inputs, scope))
        except ExpressionError as error:
            return Failure(error.code, f"trigger {cause.trigger}: {error.detail}")
        if cause.depth > MOST_DEPTH:
            return Failure("RUN_CHAIN_TOO_LONG", f"{MOST_DEPTH} runs led to this one by events: a loop")
        published = self.versions.get(cause.tenant, cause.triggers.workflow, cause.triggers.version)
        if published is None:
            return Failure("VERSION_GONE", f"version {cause.triggers.version} is not there any more")
        declared = published.definition.inputs
        if wrong := check_fields(declared, rendered):
            said = "; ".join(each.message for each in wrong)
            return Failure("INPUTS_INVALID", f"trigger {cause.trigger}: {said}"[:_LONGEST])
        event = RunRequested(
            tenant=cause.tenant,
            workflow=cause.triggers.workflow,
            run_id=self._run_id(cause),
            workflow_version=cause.triggers.version,
            trigger=cause.trigger,
            cause=cause.id,
            requested_by=cause.by,
            inputs=with_defaults(declared, rendered),
            event=None if cause.event is None else plain(cause.event),
            depth=cause.depth,
        )
        told = envelope(
            event,
            tenant=cause.tenant,
            id=deterministic_id(event.detail_type(), event.run_id),
            time=now,
            correlationid=event.run_id,
        )
        try:
            to_entry(told, "")
        except PayloadTooLarge as error:
            return Failure("EVENT_TOO_LARGE", error.detail)
        return told

    def _refuse(self, cause: Cause, failure: Failure, now: datetime) -> None:
        run = Run(
            id=self._run_id(cause),
            workflow=cause.triggers.workflow,
            version=cause.triggers.version,
            status=RunStatus.REFUSED,
            trigger=cause.trigger,
            cause=cause.id,
            started_by=cause.by,
            created_at=now,
            ended_at=now,
            failure=failure,
            depth=cause.depth,
        )
        self.runs.create(cause.tenant, run, [finished(cause.tenant, run)])

    @staticmethod
    def _run_id(cause: Cause) -> str:
        return run_id(cause.tenant, cause.triggers.workflow, cause.trigger, cause.id)
