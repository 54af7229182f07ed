"""After a run's end, by its event: open approvals are withdrawn, history is written, the audit anchored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from services.workflow.application.approvals import Approving
from services.workflow.application.runtime import BY
from services.workflow.domain.ports import Audit, Journal, Runs
from services.workflow.domain.run import Approval, Run, StepRecord
from services.workflow.domain.runtime_ports import Artifacts, FailPoint, no_failpoint
from shared.errors import NotFound, Unavailable, VersionConflict
from shared.json_text import plain
from shared.tenancy import TenantId

_TRIES = 8
_NOT_TOLD = frozenset({"token", "earlier_tokens", "rowversion"})


@dataclass(frozen=True)
class Seal:
    """The use case and its ports."""

    runs: Runs
    journal: Journal
    approving: Approving
    audit: Audit
    artifacts: Artifacts
    failpoint: FailPoint = no_failpoint

    def __call__(self, tenant: TenantId, run_id: str) -> Run:
        """Each part may be repeated; the row says when all is done. Raises NotFound, and Unavailable for a
        run that has not ended."""
        run = self._ended(tenant, run_id)
        if run.audit_head is not None:
            return run
        self.approving.withdraw_all(tenant, run_id)
        facts = {
            "status": run.status.value,
            "code": None if run.failure is None else run.failure.code,
            "step": None if run.failure is None else run.failure.step,
        }
        self.audit.append(tenant, run_id, "run.finished", BY, facts, key="finished")
        self.failpoint("end audited")
        head = self.audit.head(tenant, run_id)
        steps = self.journal.every(tenant, run_id)
        approvals = self.approving.approvals.of_run(tenant, run_id)
        folder = self.artifacts.put_history(tenant, run_id, history(run, steps, approvals, head))
        self.failpoint("history written")
        return self._anchored(tenant, run, folder, head)

    def _anchored(self, tenant: TenantId, run: Run, folder: str, head: str | None) -> Run:
        for _ in range(_TRIES):
            if run.audit_head is not None:
                return run
            try:
                return self.runs.change(tenant, run, replace(run, artifacts=folder, audit_head=head))
            except VersionConflict:
                run = self._ended(tenant, run.id)
        raise Unavailable(f"run {run.id} is changed faster than it can be written", retry_after=1)

    def _ended(self, tenant: TenantId, run_id: str) -> Run:
        run = self.runs.get(tenant, run_id)
        if run is None:
            raise NotFound(f"there is no run {run_id}")
        if not run.status.ended:
            raise Unavailable(f"run {run_id} has not ended", retry_after=5)
        return run


def history(
    run: Run, steps: Sequence[StepRecord], approvals: Sequence[Approval], head: str | None
) -> Mapping[str, Any]:
    """What is kept of a run for good. Large outputs are named by their address."""
    ordered = sorted(steps, key=lambda each: (each.started_at, each.at, each.step))
    return {
        "run": _told(run),
        "steps": [_told(each) for each in ordered],
        "approvals": [_told(each) for each in approvals],
        "audit_head": head,
    }


def _told(row: Run | StepRecord | Approval) -> dict[str, Any]:
    shown = (each.name for each in fields(row) if each.name not in _NOT_TOLD)
    return {name: plain(getattr(row, name)) for name in shown}
