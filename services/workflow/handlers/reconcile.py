"""Every minute: what a crash, a lost message or somebody's hand left behind is put right, duty by duty."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from services.workflow.adapters.approval_store import ApprovalStore
from services.workflow.adapters.executions import StepFunctionsExecutions
from services.workflow.adapters.open_index import JobMarks
from services.workflow.adapters.outgoing import Outgoing
from services.workflow.adapters.start_settings import ReconcileSettings
from services.workflow.adapters.trigger_store import HookStore
from services.workflow.application.answers import Answers
from services.workflow.application.ended import EndedExecutions
from services.workflow.application.tend_runs import Found, TendApprovals, TendRuns
from services.workflow.application.tend_workflows import TendWorkflows
from services.workflow.application.tending import safely
from services.workflow.handlers.runtime_wiring import cancel, runtime, seal
from services.workflow.handlers.start_wiring import CLOCK, IDS, publish, run_queue, scheduling
from shared.config import load_settings
from shared.errors import Unavailable
from shared.observability import bind_context, clear_context, logger, traced
from shared.outbox import Outbox
from shared.sweeps import measure
from shared.table import TenantTable
from shared.tenancy import TenantId
from shared.tenant_list import TenantList

SWEEP = "workflows"
MACHINES_METRIC = "StateMachines"
RESERVE_MILLIS = 8_000
"""Kept for what is under way, and for writing down where the next run goes on."""
COUNTED_EVERY = 15


@traced
def handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    """A scheduled event (its content does not matter) -> how much each duty put right.

    Raises Unavailable at the end where a duty failed, so that the alarm sees it; the others were done.
    """
    clear_context()
    over = partial(_over, context)
    duties = Duties(load_settings(ReconcileSettings), over)
    done: dict[str, int] = {}
    failed: list[str] = []
    for name, duty in duties.every().items():
        try:
            done[name] = duty()
            measure(f"Reconciled{name}", done[name])
        except Exception:  # noqa: BLE001 - the other duties' turns come
            logger.exception("a duty failed", duty=name)
            failed.append(name)
    logger.info("reconciled", extra={"put_right": done})
    if failed:
        raise Unavailable(f"reconciling failed for {', '.join(failed)}")
    return done


class Duties:
    """What there is to do while `over` does not say that time is up."""

    def __init__(self, settings: ReconcileSettings, over: Callable[[], bool]) -> None:
        made, queue = runtime(settings), run_queue(settings)
        advance = cancel(made).advance
        marks = JobMarks(TenantTable(settings.execution_table))
        ended = EndedExecutions(made.runs, made.versions, StepFunctionsExecutions(), advance, CLOCK)
        outgoing = Outgoing(Outbox(settings.outbox_table), CLOCK, IDS)
        approvals = ApprovalStore(TenantTable(settings.execution_table), outgoing)
        self._over = over
        self._found = Found()
        self._tenants = TenantList(settings.workflow_table)
        resend, sealing = Answers(made).resend, seal(made, settings)
        self._runs = TendRuns(
            queue.runs, queue, ended, advance, resend, sealing, marks, CLOCK, time.sleep, over
        )
        self._approvals = TendApprovals(approvals, made.approving, marks, CLOCK, over)
        publishing, schedule = publish(settings), scheduling(settings)
        self._workflows = TendWorkflows(
            publishing.workflows,
            publishing.versions,
            schedule.triggers,
            HookStore(TenantTable(settings.trigger_table)),
            queue.runs,
            publishing.machines,
            publishing.schedules,
            publishing,
            schedule,
            CLOCK,
        )

    def every(self) -> dict[str, Callable[[], int]]:
        """Each minute another one is first, so that each has its time; starting takes what is left of it."""
        duties: list[tuple[str, Callable[[], int]]] = [
            ("Runs", self.runs),
            ("Approvals", self._approvals),
            ("Workflows", self.workflows),
            ("Machines", self.machines),
        ]
        first = CLOCK.now().minute % len(duties)
        return dict([*duties[first:], *duties[:first], ("Drained", self.drained)])

    def runs(self) -> int:
        """Also measures each kind by itself."""
        found = self._found = self._runs()
        kinds = {"Launched": found.launched, "Ended": found.ended, "Cancelled": found.cancelled}
        kinds["Sealed"] = found.sealed
        for kind, count in {**kinds, "Failed": found.failed}.items():
            measure(f"ReconciledRuns{kind}", count)
        return sum(kinds.values())

    def drained(self) -> int:
        """Starts what `runs` found waiting."""
        return self._runs.drain(self._found.waiting)

    def workflows(self) -> int:
        """Tenant after tenant, from the one after whom the last run ended."""
        put_right = 0
        last: TenantId | None = None
        for tenant in self._tenants.turns(SWEEP):
            if self._over():
                break
            bind_context(tenant=tenant, correlation_id=None)
            put_right += safely(partial(self._workflows, tenant), "a tenant's workflows") or 0
            last = tenant
        clear_context()
        if last is not None:
            self._tenants.ended(SWEEP, last)
        return put_right

    def machines(self) -> int:
        """Not a repair: how many state machines the account has, which its quota bounds."""
        if CLOCK.now().minute % COUNTED_EVERY == 0:
            measure(MACHINES_METRIC, self._workflows.machines.count())
        return 0


def _over(context: Any) -> bool:
    left: int = context.get_remaining_time_in_millis()
    return left < RESERVE_MILLIS
