"""The facts that the workflow service publishes, and all that another service may import from it."""

from datetime import datetime
from typing import Any, ClassVar

from shared.events import Event


class WorkflowEvent(Event):
    """What all of them tell: the tenant and the workflow."""

    source: ClassVar[str] = "onyx.workflow"
    subject_field: ClassVar[str | None] = "workflow"

    tenant: str
    workflow: str


class WorkflowPublished(WorkflowEvent):
    """A version can be run, and new runs are of it."""

    type: ClassVar[str] = "WorkflowPublished"

    workflow_version: int
    title: str
    by: str
    published_at: datetime


class WorkflowDeleted(WorkflowEvent):
    """Nothing starts it any more; runs that go on end as they would."""

    type: ClassVar[str] = "WorkflowDeleted"

    by: str
    deleted_at: datetime


class CronDue(WorkflowEvent):
    """EventBridge Scheduler: a trigger's time has come. `scheduled_at` is the time it was meant for."""

    type: ClassVar[str] = "CronDue"

    trigger: str
    scheduled_at: datetime


class RunRequested(WorkflowEvent):
    """Something matched a trigger: `run_id` is derived from the cause, so that the same cause makes one
    run."""

    type: ClassVar[str] = "RunRequested"

    run_id: str
    workflow_version: int
    trigger: str
    cause: str
    requested_by: str
    inputs: dict[str, Any]
    event: dict[str, Any] | None = None
    """The event or webhook body that expressions see as `event`."""
    retry_of: str | None = None
    from_step: str | None = None
    depth: int = 0
    """How many runs led to this one, each by an event that the next one's trigger matched."""


class RunCancelled(WorkflowEvent):
    """Somebody cancelled a run: it is being stopped. `RunFinished` follows."""

    type: ClassVar[str] = "RunCancelled"

    run_id: str
    by: str
    cancelled_at: datetime


class RunStarted(WorkflowEvent):
    """A run has its place, and its execution was started."""

    type: ClassVar[str] = "RunStarted"

    run_id: str
    workflow_version: int
    trigger: str
    started_at: datetime


class RunFinished(WorkflowEvent):
    """A run has ended, in `status` (succeeded, failed, cancelled, timed_out, refused). Exactly one per
    run."""

    type: ClassVar[str] = "RunFinished"

    run_id: str
    workflow_version: int
    status: str
    ended_at: datetime
    failure_code: str | None = None
    failure: str | None = None
    failed_step: str | None = None


class ApprovalRequested(WorkflowEvent):
    """A run waits for people. Reminders are the same event with `reminder` from 1."""

    type: ClassVar[str] = "ApprovalRequested"

    run_id: str
    approval_id: str
    step: str
    message: str
    roles: list[str]
    subjects: list[str]
    count: int
    expires_at: datetime
    reminder: int = 0


class ApprovalDecided(WorkflowEvent):
    """An approval was closed: `approved`, `rejected`, `expired` or `withdrawn`. The run goes on by it."""

    type: ClassVar[str] = "ApprovalDecided"

    run_id: str
    approval_id: str
    step: str
    status: str
    by: list[str]
    decided_at: datetime


class StepNeedsAttention(WorkflowEvent):
    """The outcome of an effect that cannot be repeated or looked up was lost: somebody decides, by `onyx
    workflow resolve` (done, or not done)."""

    type: ClassVar[str] = "StepNeedsAttention"

    run_id: str
    step: str
    at: str
    effect_key: str
    reason: str
