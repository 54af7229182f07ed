"""Retrying a run: a new run of the same version that goes on where the earlier one failed.

A run is retried once: the claim is on its row, so that two operators at once get one run. What the new run
takes over is copied when it begins (`domain/carrying.py`).
"""

from dataclasses import dataclass, replace

from services.workflow.domain.naming import run_id as id_of
from services.workflow.domain.ports import Audit, Runs, Versions
from services.workflow.domain.run import Run, RunStatus
from services.workflow.domain.runtime_ports import FailPoint, no_failpoint
from services.workflow.events import RunRequested
from shared.clock import Clock
from shared.errors import Conflict, NotFound, Unavailable, VersionConflict
from shared.tenancy import Principal, TenantId

_TRIES = 8
_RETRIED = frozenset({RunStatus.FAILED, RunStatus.CANCELLED, RunStatus.TIMED_OUT})


@dataclass(frozen=True)
class RetryRun:
    """The use case and its ports."""

    runs: Runs
    versions: Versions
    audit: Audit
    clock: Clock
    failpoint: FailPoint = no_failpoint

    def __call__(self, who: Principal, run_id: str, *, key: str, from_step: str | None = None) -> Run:
        """The run that goes on; the same one for the same `key`, and for the same person and step while it
        goes on. With `from_step` also of a run that succeeded: that step and all after it in the file are
        done again, under new keys.

        Raises NotFound (also STEP_UNKNOWN), Conflict: RUN_NOT_ENDED, RUN_NOT_RETRYABLE, RUN_RETRIED (retry
        its successor).
        """
        for _ in range(_TRIES):
            run = self.runs.get(who.tenant, run_id)
            if run is None:
                raise NotFound(f"there is no run {run_id}")
            self._refuse(who.tenant, run, from_step)
            successor = self._successor(who, run, key, from_step)
            if run.retried_by is None:
                try:
                    run = self.runs.change(who.tenant, run, replace(run, retried_by=successor))
                except VersionConflict:
                    continue
                self.failpoint("retry claimed")
            return self._create(who, run, key, from_step, successor)
        raise Unavailable(f"run {run_id} is changed faster than it can be written", retry_after=1)

    def _refuse(self, tenant: TenantId, run: Run, from_step: str | None) -> None:
        if not run.status.ended:
            raise Conflict(
                f"the run has not ended ({run.status.value}): cancel it first", code="RUN_NOT_ENDED"
            )
        redone = run.status is RunStatus.SUCCEEDED and from_step is not None
        if run.status not in _RETRIED and not redone:
            raise Conflict(
                f"a run that is {run.status.value} has nothing to retry; name a step to do again from",
                code="RUN_NOT_RETRYABLE",
            )
        if from_step is None:
            return
        published = self.versions.get(tenant, run.workflow, run.version)
        try:
            if published is None:
                raise KeyError(from_step)
            published.definition.step(from_step)
        except KeyError as error:
            raise NotFound(
                f"version {run.version} of {run.workflow} has no step {from_step}", code="STEP_UNKNOWN"
            ) from error

    def _successor(self, who: Principal, run: Run, key: str, from_step: str | None) -> str:
        mine = id_of(who.tenant, run.workflow, run.trigger, _cause(run, key))
        claimed = run.retried_by or mine
        found = None if claimed == mine else self.runs.get(who.tenant, claimed)
        if found is None:
            return claimed  # also where its claimant died before the run was there: this one makes it
        if (found.started_by, found.from_step) == (who.subject, from_step) and not found.status.ended:
            return claimed  # asked for again, by whoever had no answer the first time
        raise Conflict(f"the run was retried as {claimed}: retry that", code="RUN_RETRIED")

    def _create(self, who: Principal, run: Run, key: str, from_step: str | None, successor: str) -> Run:
        now = self.clock.now()
        made = Run(
            id=successor,
            workflow=run.workflow,
            version=run.version,
            status=RunStatus.QUEUED,
            trigger=run.trigger,
            cause=_cause(run, key),
            started_by=who.subject,
            created_at=now,
            inputs=run.inputs,
            event=run.event,
            retry_of=run.id,
            from_step=from_step,
            depth=run.depth,
            requesters=tuple(dict.fromkeys((*run.requesters, run.started_by))),
        )
        asked = RunRequested(
            tenant=who.tenant,
            workflow=run.workflow,
            run_id=successor,
            workflow_version=run.version,
            trigger=run.trigger,
            cause=made.cause,
            requested_by=who.subject,
            # The row is there with them: the event need not carry what may be too large for it.
            inputs={},
            retry_of=run.id,
            from_step=from_step,
            depth=run.depth,
        )
        self.runs.create(who.tenant, made, [asked])
        self.failpoint("retry created")
        facts = {"as": successor, "from_step": from_step or ""}
        self.audit.append(who.tenant, run.id, "run.retried", who.subject, facts, key=f"retried|{successor}")
        return self.runs.get(who.tenant, successor) or made


def _cause(run: Run, key: str) -> str:
    return f"retry:{run.id}:{key}"
