"""Answers that come through the bus: journaled first, then told to Step Functions.

An answer may come twice, late, for a run that has ended, or for nothing that was ever asked: each is taken
for what it is, and none of them is an error that would come back for ever.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from services.workflow.application.dispatch import reply_json
from services.workflow.application.runtime import Runtime, save
from services.workflow.application.steps.approval import by_approval
from services.workflow.application.steps.attempts import answered, kind_of, needs_attention
from services.workflow.domain.definition import ActionStep
from services.workflow.domain.dispatch import Outcome
from services.workflow.domain.effects import SETTLED, after_failure, reply_of
from services.workflow.domain.errors import UnknownAction
from services.workflow.domain.run import ApprovalStatus, Failure, Run, StepRecord, StepStatus
from services.workflow.events import ApprovalDecided
from shared.actions import Action, ActionFinished, ActionProgressed
from shared.errors import NotFound, Unavailable, VersionConflict
from shared.observability import logger
from shared.tenancy import TenantId

_TRIES = 8
_LONGEST_ERROR = 2000


@dataclass(frozen=True)
class Answers:
    """The use cases of the callback job, and what reconcile asks of it."""

    runtime: Runtime

    def action_finished(self, tenant: TenantId, event: ActionFinished) -> None:
        """A provider's answer."""

        def change(record: StepRecord) -> StepRecord | None:
            return self._with_answer(tenant, record, event)

        self._take(tenant, event.effect_key, change)

    def action_progressed(self, tenant: TenantId, event: ActionProgressed) -> None:
        """A provider is at work on the attempt that is waited for: the silence ends. Nothing is journaled."""
        record = self.runtime.journal.by_effect(tenant, event.effect_key)
        if record is None or record.status is not StepStatus.WAITING or record.attempt != event.attempt:
            return
        for token in (record.token, *record.earlier_tokens):
            if token is not None:
                self.runtime.callbacks.heartbeat(token)

    def approval_decided(self, tenant: TenantId, event: ApprovalDecided) -> None:
        """An approval was closed."""
        self._take(tenant, event.approval_id, lambda record: self._with_approval(tenant, record))

    def resend(self, tenant: TenantId, run: str) -> int:
        """Tells again what a run's steps were answered and Step Functions may not have heard; how many such
        steps there were."""
        told = 0
        for record in self.runtime.journal.every(tenant, run):
            if record.status is StepStatus.WAITING:
                changed = self._with_approval(tenant, record)
                if changed is None:
                    continue
                self._take(tenant, record.effect_key, lambda found: self._with_approval(tenant, found))
                told += 1
            elif record.token is not None:
                self._tell(tenant, record)
                told += 1
        return told

    def _take(
        self, tenant: TenantId, effect_key: str, change: Callable[[StepRecord], StepRecord | None]
    ) -> None:
        """Journal what `change` makes of the record (None: nothing), and tell of it."""
        for _ in range(_TRIES):
            record = self.runtime.journal.by_effect(tenant, effect_key)
            if record is None:
                logger.warning("an answer to nothing that was asked", effect_key=effect_key)
                return
            changed = change(record)
            if changed is not None:
                run = self.runtime.runs.get(tenant, record.run)
                events = () if run is None else needs_attention(tenant, run, changed)
                try:
                    record = save(self.runtime, tenant, changed, events)
                except VersionConflict:
                    continue
                self.runtime.failpoint("answer journaled")
            self.runtime.note_settled(tenant, record)
            self._tell(tenant, record)
            return
        raise Unavailable(f"{effect_key} is changed faster than it can be written", retry_after=1)

    def _with_answer(self, tenant: TenantId, record: StepRecord, event: ActionFinished) -> StepRecord | None:
        if record.status in SETTLED:
            self._note_late(tenant, record, event)
            return None
        if not event.succeeded and event.attempt != record.attempt:
            return None  # the failure of an attempt that was given up; the next one is under way
        found = self._asked(tenant, record, event)
        if found is None:
            return None
        step, action = found
        now = self.runtime.clock.now()
        if event.succeeded:
            return answered(record, action, event.output or {}, now)
        code = event.error_code or "ACTION_FAILED"
        message = (event.error or f"{event.action} failed")[:_LONGEST_ERROR]
        failure = Failure(code, message, record.step, record.at, event.retryable)
        return after_failure(
            record,
            failure,
            step.retry,
            kind_of(self.runtime.registry, action, record),
            self.runtime.uniform,
            now,
            unknown=code == "EFFECT_UNKNOWN",
        )

    def _asked(
        self, tenant: TenantId, record: StepRecord, event: ActionFinished
    ) -> tuple[ActionStep, Action] | None:
        """The step that asked; None where the answer is not of what was asked."""
        run = self.runtime.runs.get(tenant, record.run)
        try:
            step = None if run is None else self._step(tenant, run, record.step)
            if not isinstance(step, ActionStep) or step.action != event.action:
                raise NotFound(f"step {record.step} did not ask for {event.action}")
            return step, self.runtime.registry.get(step.action)
        except (NotFound, UnknownAction) as error:
            logger.warning("an answer that fits no step", effect_key=event.effect_key, because=error.detail)
            return None

    def _step(self, tenant: TenantId, run: Run, step: str) -> object:
        published = self.runtime.versions.get(tenant, run.workflow, run.version)
        try:
            return None if published is None else published.definition.step(step)
        except KeyError:
            return None

    def _with_approval(self, tenant: TenantId, record: StepRecord) -> StepRecord | None:
        if record.status is not StepStatus.WAITING:
            return None
        approval = self.runtime.approving.approvals.get(tenant, record.effect_key)
        if approval is None or approval.status is ApprovalStatus.OPEN:
            return None
        self.runtime.approving.note_decisions(tenant, approval)
        return by_approval(record, approval, self.runtime.clock.now())

    def _note_late(self, tenant: TenantId, record: StepRecord, event: ActionFinished) -> None:
        """An answer after the step's end changes nothing, and stays in the audit where it says otherwise."""
        if event.succeeded == (record.status is StepStatus.SUCCEEDED):
            return
        facts = {
            "step": record.step,
            "at": record.at,
            "effect_key": record.effect_key,
            "attempt": event.attempt,
            "succeeded": event.succeeded,
            "code": event.error_code,
        }
        key = f"late|{record.at}|{record.step}|{event.attempt}|{event.succeeded}"
        self.runtime.audit.append(tenant, record.run, "step.late_answer", event.action, facts, key=key)

    def _tell(self, tenant: TenantId, record: StepRecord) -> None:
        """To whoever waits, and to nobody where nobody does. What was told is told once more only after a
        crash."""
        reply = reply_of(record, self.runtime.clock.now())
        if record.token is None or reply.outcome is Outcome.PENDING:
            return
        for token in (record.token, *record.earlier_tokens):
            self.runtime.callbacks.succeed(token, reply_json(reply))
        self.runtime.failpoint("answer told")
        try:
            self.runtime.journal.save(tenant, replace(record, token=None, earlier_tokens=()))
        except VersionConflict:
            return  # somebody wrote it since, and tells it as well
