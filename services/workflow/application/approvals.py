"""Approvals: people who say whether a run goes on.

An approval's row decides. It closes once, with ApprovalDecided in the same transaction; what the run does
about it follows from that event (`application/answers.py`), or from the dispatcher that finds it closed.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.workflow.domain.definition import ApprovalStep
from services.workflow.domain.ports import Approvals, Audit
from services.workflow.domain.run import Approval, ApprovalStatus, Decision, Run, StepRecord
from services.workflow.domain.runtime_ports import FailPoint, no_failpoint
from services.workflow.events import ApprovalDecided, ApprovalRequested
from shared.clock import Clock
from shared.errors import Conflict, Forbidden, NotFound, Unavailable, VersionConflict
from shared.tenancy import Principal, Role, TenantId

_TRIES = 8
_LONGEST_COMMENT = 1000


@dataclass(frozen=True)
class Approving:
    """The use cases. Each may be repeated, and each is safe beside any other."""

    approvals: Approvals
    audit: Audit
    clock: Clock
    failpoint: FailPoint = no_failpoint

    def open(
        self, tenant: TenantId, run: Run, step: ApprovalStep, record: StepRecord, message: str
    ) -> Approval:
        """The step's approval: a new one, or the one there is."""
        found = self.approvals.get(tenant, record.effect_key)
        if found is None:
            found = self._open(tenant, run, step, record, message)
        facts = {"approval": found.id, "step": found.step, "at": found.at, "count": found.count}
        self.audit.append(
            tenant, run.id, "approval.requested", found.requester, facts, key=f"approval|{found.id}"
        )
        return found

    def decide(self, who: Principal, approval_id: str, approve: bool, comment: str = "") -> Approval:
        """One person's decision, once. Raises NotFound, Forbidden (APPROVAL_NOT_YOURS, SELF_APPROVAL) and
        Conflict: APPROVAL_CLOSED, APPROVAL_EXPIRED, ALREADY_DECIDED (otherwise than now)."""

        def decided(approval: Approval, now: datetime) -> Approval:
            may_decide(approval, who)
            mine = next((each for each in approval.decisions if each.by == who.subject), None)
            if mine is not None:
                if mine.approve is approve:
                    return approval
                raise Conflict("you have decided otherwise; a decision is final", code="ALREADY_DECIDED")
            must_be_open(approval, now)
            made = Decision(who.subject, approve, now, comment[:_LONGEST_COMMENT])
            return _counted(replace(approval, decisions=(*approval.decisions, made)))

        approval = self._change(who.tenant, approval_id, decided)
        self.note_decisions(who.tenant, approval)
        return approval

    def expire(self, tenant: TenantId, approval_id: str) -> Approval:
        """Close it for being too late. One that is closed already stays as it is."""
        return self._close(tenant, approval_id, ApprovalStatus.EXPIRED)

    def withdraw_all(self, tenant: TenantId, run: str) -> None:
        """The run has ended without them."""
        for each in self.approvals.of_run(tenant, run):
            if each.status is ApprovalStatus.OPEN:
                self._close(tenant, each.id, ApprovalStatus.WITHDRAWN)

    def tend(self, tenant: TenantId, approval: Approval) -> Approval:
        """For the clock: expire one whose time has come, remind of one whose reminder is due."""
        now = self.clock.now()
        if approval.status is not ApprovalStatus.OPEN:
            return approval
        if now >= approval.expires_at:
            return self.expire(tenant, approval.id)
        number = reminder_due(approval, now)
        if number is None:
            return approval
        try:
            return self.approvals.save(
                tenant, replace(approval, reminded_at=now), [requested(tenant, approval, reminder=number)]
            )
        except VersionConflict:
            return approval  # somebody reminded of it, or decided

    def note_decisions(self, tenant: TenantId, approval: Approval) -> None:
        """Audit what was decided so far, and how it closed; once each."""
        for each in approval.decisions:
            facts = {"approval": approval.id, "approve": each.approve, "comment": each.comment}
            key = f"approval|{approval.id}|{each.by}"
            self.audit.append(tenant, approval.run, "approval.decision", each.by, facts, key=key)
        if approval.status is not ApprovalStatus.OPEN:
            by = approval.decisions[-1].by if approval.decisions else "onyx"
            self.audit.append(
                tenant,
                approval.run,
                f"approval.{approval.status.value}",
                by,
                {"approval": approval.id, "step": approval.step},
                key=f"approval|{approval.id}|closed",
            )

    def _open(
        self, tenant: TenantId, run: Run, step: ApprovalStep, record: StepRecord, message: str
    ) -> Approval:
        now = self.clock.now()
        approval = Approval(
            id=record.effect_key,
            run=run.id,
            workflow=run.workflow,
            step=step.id,
            at=record.at,
            message=message,
            roles=step.roles,
            subjects=step.subjects,
            count=step.count,
            requester=run.started_by,
            requesters=run.requesters,
            status=ApprovalStatus.OPEN,
            created_at=now,
            expires_at=now + timedelta(seconds=step.expires),
            reminders=step.reminders,
        )
        try:
            return self.approvals.save(tenant, approval, [requested(tenant, approval, reminder=0)])
        except VersionConflict:
            found = self.approvals.get(tenant, approval.id)
            if found is None:
                raise
            return found

    def _close(self, tenant: TenantId, approval_id: str, status: ApprovalStatus) -> Approval:
        def closed(approval: Approval, now: datetime) -> Approval:
            if approval.status is not ApprovalStatus.OPEN:
                return approval
            return replace(approval, status=status)

        approval = self._change(tenant, approval_id, closed)
        self.note_decisions(tenant, approval)
        return approval

    def _change(
        self, tenant: TenantId, approval_id: str, change: Callable[[Approval, datetime], Approval]
    ) -> Approval:
        for _ in range(_TRIES):
            found = self.approvals.get(tenant, approval_id)
            if found is None:
                raise NotFound(f"there is no approval {approval_id}")
            now = self.clock.now()
            changed = change(found, now)
            if changed == found:
                return found
            events = [] if changed.status is ApprovalStatus.OPEN else [closing(tenant, changed, now)]
            try:
                saved = self.approvals.save(tenant, changed, events)
            except VersionConflict:
                continue
            self.failpoint("approval saved")
            return saved
        raise Unavailable(f"approval {approval_id} is changed faster than it can be written", retry_after=1)


def may_decide(approval: Approval, who: Principal) -> None:
    """Raises Forbidden."""
    roles = {role.value for role in Role}
    named = who.subject in approval.subjects
    if not named and not any(who.has(Role(each)) for each in approval.roles if each in roles):
        raise Forbidden(f"this needs one of the roles {', '.join(approval.roles)}", code="APPROVAL_NOT_YOURS")
    if who.subject in (approval.requester, *approval.requesters):
        raise Forbidden("who asked for a run does not approve it", code="SELF_APPROVAL")


def must_be_open(approval: Approval, now: datetime) -> None:
    """Raises Conflict."""
    if approval.status is ApprovalStatus.EXPIRED or (
        approval.status is ApprovalStatus.OPEN and now >= approval.expires_at
    ):
        raise Conflict("the approval has expired: the run went on without it", code="APPROVAL_EXPIRED")
    if approval.status is not ApprovalStatus.OPEN:
        raise Conflict(f"the approval is closed: {approval.status.value}", code="APPROVAL_CLOSED")


def reminder_due(approval: Approval, now: datetime) -> int | None:
    """Which reminder (from 1) is due now; None where none is."""
    if not approval.reminders:
        return None
    every = timedelta(seconds=approval.reminders)
    if now - (approval.reminded_at or approval.created_at) < every:
        return None
    return int((now - approval.created_at) / every)


def requested(tenant: TenantId, approval: Approval, *, reminder: int) -> ApprovalRequested:
    return ApprovalRequested(
        tenant=tenant,
        workflow=approval.workflow,
        run_id=approval.run,
        approval_id=approval.id,
        step=approval.step,
        message=approval.message,
        roles=list(approval.roles),
        subjects=list(approval.subjects),
        count=approval.count,
        expires_at=approval.expires_at,
        reminder=reminder,
    )


def closing(tenant: TenantId, approval: Approval, now: datetime) -> ApprovalDecided:
    return ApprovalDecided(
        tenant=tenant,
        workflow=approval.workflow,
        run_id=approval.run,
        approval_id=approval.id,
        step=approval.step,
        status=approval.status.value,
        by=_people(each.by for each in approval.decisions),
        decided_at=now,
    )


def _counted(approval: Approval) -> Approval:
    if any(not each.approve for each in approval.decisions):
        return replace(approval, status=ApprovalStatus.REJECTED)
    if len(approval.decisions) >= approval.count:
        return replace(approval, status=ApprovalStatus.APPROVED)
    return approval


def _people(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
