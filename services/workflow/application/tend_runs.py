"""Every minute: runs and approvals that have not ended are held against what should become of them.

A run asks for nothing to be remembered about it: what is there (its row, its execution, the clock) says what
is to be done. Each page of the index goes on where the last one stopped, so the work of one pass is bounded.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from itertools import chain, zip_longest

from services.workflow.application.approvals import Approving
from services.workflow.application.ended import EndedExecutions
from services.workflow.application.run_queue import RunQueue
from services.workflow.domain.run import Approval, Run, RunStatus
from services.workflow.domain.start_ports import Marks, OpenApprovals, QueuedRuns
from shared.clock import Clock
from shared.errors import OnyxError
from shared.observability import logger
from shared.tenancy import TenantId

SHARDS = 8
SETTLING = timedelta(minutes=1)
"""A run that changed since is somebody's who is at work."""
MOST_PER_SHARD = 100


@dataclass
class Found:
    """What one pass put right, by duty; and whose runs wait."""

    launched: int = 0
    ended: int = 0
    cancelled: int = 0
    failed: int = 0
    waiting: dict[TenantId, dict[str, None]] = field(default_factory=lambda: defaultdict(dict))


@dataclass(frozen=True)
class TendRuns:
    """The use case and its ports. `advance` goes on with a run that is being cancelled."""

    runs: QueuedRuns
    queue: RunQueue
    executions: EndedExecutions
    advance: Callable[[TenantId, str], bool]
    marks: Marks
    clock: Clock
    time_is_up: Callable[[], bool] = lambda: False

    def __call__(self) -> Found:
        found = Found()
        for shard in range(SHARDS):
            if self.time_is_up():
                break
            mark = f"runs-{shard}"
            page, following = self.runs.open(shard, after=self.marks.get(mark), limit=MOST_PER_SHARD)
            for tenant, run in page:
                self._tend(tenant, run, found)
            self.marks.put(mark, following)
        return found

    def drain(self, waiting: dict[TenantId, dict[str, None]]) -> int:
        """Starts what waits, one of each workflow in turn and of each tenant in turn: a storm of one tenant's
        takes no more turns than the single run of another's."""
        started = 0
        turns = list(in_turns(waiting))
        while turns and not self.time_is_up():
            still = []
            for tenant, workflow in turns:
                if self._safely(partial(self._drained, tenant, workflow)):
                    started += 1
                    still.append((tenant, workflow))
            turns = still
        return started

    def _tend(self, tenant: TenantId, run: Run, found: Found) -> None:
        since = run.started_at or run.created_at
        settled = self.clock.now() - since >= SETTLING
        match run.status:
            case RunStatus.QUEUED:
                found.waiting[tenant][run.workflow] = None
            case RunStatus.STARTING if settled:
                found.launched += self._safely(lambda: self._launched(tenant, run), found)
            case RunStatus.RUNNING if settled:
                found.ended += self._safely(lambda: self.executions.compare(tenant, run), found)
            case RunStatus.CANCELLING:
                found.cancelled += self._safely(lambda: self.advance(tenant, run.id), found)

    def _drained(self, tenant: TenantId, workflow: str) -> bool:
        return self.queue.drain(tenant, workflow, 1) > 0

    def _launched(self, tenant: TenantId, run: Run) -> bool:
        if self.queue.launch(tenant, run):
            return True
        # It was there, and may have ended before it could write that it runs.
        return self.executions.compare(tenant, run)

    def _safely(self, duty: Callable[[], bool], found: Found | None = None) -> bool:
        """What fails with one run holds up no other: it is looked at again in a minute."""
        try:
            return duty()
        except OnyxError:
            logger.warning("a run could not be tended", exc_info=True)
            if found is not None:
                found.failed += 1
            return False


@dataclass(frozen=True)
class TendApprovals:
    """Approvals whose time has come: reminders and expiry."""

    open: OpenApprovals
    approving: Approving
    marks: Marks
    time_is_up: Callable[[], bool] = lambda: False

    def __call__(self) -> int:
        """How many changed."""
        changed = 0
        for shard in range(SHARDS):
            if self.time_is_up():
                break
            mark = f"approvals-{shard}"
            page, following = self.open.open_everywhere(
                shard, after=self.marks.get(mark), limit=MOST_PER_SHARD
            )
            for tenant, approval in page:
                changed += self._tend(tenant, approval)
            self.marks.put(mark, following)
        return changed

    def _tend(self, tenant: TenantId, approval: Approval) -> bool:
        try:
            return self.approving.tend(tenant, approval) != approval
        except OnyxError:
            logger.warning("an approval could not be tended", exc_info=True, approval=approval.id)
            return False


def in_turns(waiting: dict[TenantId, dict[str, None]]) -> Iterator[tuple[TenantId, str]]:
    """The first workflow of each tenant, then the second of each, and so on."""
    rows: Sequence[list[tuple[TenantId, str]]] = [
        [(tenant, workflow) for workflow in workflows] for tenant, workflows in waiting.items()
    ]
    return (each for each in chain.from_iterable(zip_longest(*rows)) if each is not None)
