"""What the handlers of steps are given: the ports, and one call with what was read for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from random import SystemRandom

from services.workflow.application.approvals import Approving
from services.workflow.domain.definition import Definition
from services.workflow.domain.dispatch import Request
from services.workflow.domain.effects import SETTLED, Uniform, effect_key
from services.workflow.domain.ports import Audit, Callbacks, Journal, Published, Runs, Versions
from services.workflow.domain.registry import Registry
from services.workflow.domain.run import Failure, Run, StepRecord, StepStatus
from services.workflow.domain.runtime_ports import FailPoint, InlineAction, no_failpoint
from shared.clock import Clock
from shared.events import Event
from shared.tenancy import TenantId

BY = "onyx"
"""Who acts where no person does."""


@dataclass(frozen=True)
class Runtime:
    """The ports. `inline` are the actions that run here, by name; `uniform` is random (jitter)."""

    runs: Runs
    versions: Versions
    journal: Journal
    approving: Approving
    audit: Audit
    callbacks: Callbacks
    registry: Registry
    inline: Mapping[str, InlineAction]
    clock: Clock
    uniform: Uniform = field(default=SystemRandom().uniform)
    failpoint: FailPoint = no_failpoint

    def note_settled(self, tenant: TenantId, record: StepRecord) -> None:
        """Audit how a step with an effect ended, and every failure; once, however often it is noted."""
        quiet = record.failure is None and record.input is None
        if quiet or (record.status not in SETTLED and record.status is not StepStatus.UNKNOWN):
            return
        facts = {
            "step": record.step,
            "at": record.at,
            "effect_key": record.effect_key,
            "attempt": record.attempt,
            "code": None if record.failure is None else record.failure.code,
        }
        self.audit.append(
            tenant,
            record.run,
            f"step.{record.status.value}",
            BY,
            facts,
            key=f"step|{record.at}|{record.step}|{record.attempt}|{record.status.value}",
        )


@dataclass(frozen=True)
class Call:
    """One request about one step or run, and what was read for it."""

    request: Request
    run: Run
    published: Published
    now: datetime

    @property
    def tenant(self) -> TenantId:
        return TenantId(self.request.tenant)

    @property
    def definition(self) -> Definition:
        return self.published.definition

    def new_record(self, status: StepStatus) -> StepRecord:
        """The first record of the request's step."""
        step = self.request.step or ""
        return StepRecord(
            run=self.run.id,
            step=step,
            at=self.request.at,
            status=status,
            attempt=0,
            effect_key=effect_key(self.run.id, self.request.at, step),
            started_at=self.now,
        )

    def failure(self, code: str, message: str, *, retryable: bool = False) -> Failure:
        return Failure(code, message, self.request.step, self.request.at, retryable)


def save(
    runtime: Runtime, tenant: TenantId, record: StepRecord, events: tuple[Event, ...] = ()
) -> StepRecord:
    """The record as it is journaled now, with the output at hand even where it went to S3."""
    saved = runtime.journal.save(tenant, record, events)
    return replace(saved, output=record.output)
