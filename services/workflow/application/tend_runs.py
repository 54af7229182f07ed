"""Every minute: runs and approvals that have not ended are held against what should become of them.

A run asks for nothing to be remembered about it: what is there (its row, its execution, the clock) says what
is to be done. Each page of the index goes on where the last one stopped, so the work of one pass is bounded.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import chain, zip_longest

from services.workflow.application.approvals import Approving
from services.workflow.application.ended import EndedExecutions
from services.workflow.application.run_queue import RunQueue, Started
from services.workflow.application.tending import safely, swept
from services.workflow.domain.run import Run, RunStatus
from services.workflow.domain.start_ports import Marks, OpenApprovals, QueuedRuns
from shared.clock import Clock
from shared.tenancy import TenantId

SECOND = timedelta(seconds=1)
SETTLING = timedelta(minutes=1)
"""A run that changed since is somebody's who is at work."""


@dataclass
class Found:
    """What one pass put right, by duty; and whose runs wait."""

    launched: int = 0
    ended: int = 0
    cancelled: int = 0
    sealed: int = 0
    failed: int = 0
    waiting: dict[TenantId, dict[str, None]] = field(default_factory=lambda: defaultdict(dict))


@dataclass(frozen=True)
class TendRuns:
    """The use case and its ports. `advance` goes on with a run that is being cancelled, `resend` tells Step
    Functions again what a run's steps were answered, `seal` does what follows a run's end, and `wait` lets
    seconds pass."""

    runs: QueuedRuns
    queue: RunQueue
    executions: EndedExecutions
    advance: Callable[[TenantId, str], bool]
    resend: Callable[[TenantId, str], int]
    seal: Callable[[TenantId, str], Run]
    marks: Marks
    clock: Clock
    wait: Callable[[float], None]
    time_is_up: Callable[[], bool] = lambda: False

    def __call__(self) -> Found:
        found = Found()
        for tenant, run in swept("runs", self.runs.open, self.marks, self.clock, self.time_is_up):
            if safely(partial(self._tend, tenant, run, found), f"run {run.id}") is None:
                found.failed += 1
        return found

    def drain(self, waiting: dict[TenantId, dict[str, None]]) -> int:
        """Starts what waits, one of each workflow in turn and of each tenant in turn: a storm of one tenant's
        takes no more turns than the single run of another's. Those of a tenant that has had its starts of a
        second have their turns again in the next one. How many it started."""
        started = 0
        turns = list(in_turns(waiting))
        paced: dict[TenantId, datetime] = {}
        while turns and not self.time_is_up():
            second = self.clock.now().replace(microsecond=0)
            became = {each: self._turn(*each, second, paced) for each in turns}
            started += sum(each is Started.YES for each in became.values())
            turns = [each for each in turns if became[each] not in (None, Started.WAITS)]
            if turns and all(became[each] is Started.PACED for each in turns):
                self.wait((second + SECOND - self.clock.now()).total_seconds())
        return started

    def _turn(
        self, tenant: TenantId, workflow: str, second: datetime, paced: dict[TenantId, datetime]
    ) -> Started | None:
        if self.time_is_up():
            return None
        if paced.get(tenant) == second:
            return Started.PACED
        became = safely(partial(self.queue.start_next, tenant, workflow), f"the queue of {workflow}")
        if became is Started.PACED:
            paced[tenant] = second
        return became

    def _tend(self, tenant: TenantId, run: Run, found: Found) -> bool:
        since = run.ended_at or run.started_at or run.created_at
        settled = self.clock.now() - since >= SETTLING
        match run.status:
            case RunStatus.QUEUED:
                found.waiting[tenant][run.workflow] = None
            case RunStatus.STARTING if settled:
                found.launched += self._launched(tenant, run)
            case RunStatus.RUNNING if settled:
                if self.executions.compare(tenant, run):
                    found.ended += 1
                else:
                    self.resend(tenant, run.id)
            case RunStatus.CANCELLING:
                found.cancelled += self.advance(tenant, run.id)
            case ended if ended.ended and settled:
                self.seal(tenant, run.id)
                found.sealed += 1
        return True

    def _launched(self, tenant: TenantId, run: Run) -> bool:
        if self.queue.launch(tenant, run):
            return True
        # It was there, and may have ended before it could write that it runs.
        return self.executions.compare(tenant, run)


@dataclass(frozen=True)
class TendApprovals:
    """Approvals whose time has come: reminders and expiry."""

    open: OpenApprovals
    approving: Approving
    marks: Marks
    clock: Clock
    time_is_up: Callable[[], bool] = lambda: False

    def __call__(self) -> int:
        """How many changed."""
        rows = swept("approvals", self.open.open_everywhere, self.marks, self.clock, self.time_is_up)
        changed = 0
        for tenant, approval in rows:
            after = safely(partial(self.approving.tend, tenant, approval), "an approval")
            changed += after not in (None, approval)
        return changed


def in_turns(waiting: dict[TenantId, dict[str, None]]) -> Iterator[tuple[TenantId, str]]:
    """The first workflow of each tenant, then the second of each, and so on."""
    rows: Sequence[list[tuple[TenantId, str]]] = [
        [(tenant, workflow) for workflow in workflows] for tenant, workflows in waiting.items()
    ]
    return (each for each in chain.from_iterable(zip_longest(*rows)) if each is not None)
