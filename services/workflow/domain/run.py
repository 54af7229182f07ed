"""A run, its journal of steps, and its approvals: what DynamoDB holds, in the domain's words."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class RunStatus(StrEnum):
    """Every run ends in one of the last five."""

    QUEUED = "queued"
    """Waits for its workflow's limits."""
    STARTING = "starting"
    """It has its place; the execution is being started."""
    RUNNING = "running"
    CANCELLING = "cancelling"
    """No new step begins; the execution is being stopped, then the on_failure branch runs."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    REFUSED = "refused"
    """A limit forbade it and its workflow says `refuse`."""

    @property
    def ended(self) -> bool:
        return self in _ENDED

    @property
    def holds_place(self) -> bool:
        """Whether it counts against its workflow's concurrency."""
        return self in (RunStatus.STARTING, RunStatus.RUNNING, RunStatus.CANCELLING)


_ENDED = frozenset(
    {RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELLED, RunStatus.TIMED_OUT, RunStatus.REFUSED}
)


@dataclass(frozen=True)
class Failure:
    """Why a step or run failed: a stable code, a sentence, and the step where it was."""

    code: str
    message: str
    step: str | None = None
    at: str = ""
    retryable: bool = False


@dataclass(frozen=True)
class Run:
    """`id` is the execution's name: derived from tenant, workflow, trigger and cause, so that the same
    cause makes the same run. `cause` is an event id, a scheduled time, a webhook id or a caller's key.
    `event` is what the expressions see as `event`. `retry_of` is the run that this one goes on from.
    `rowversion` is the row's."""

    id: str
    workflow: str
    version: int
    status: RunStatus
    trigger: str
    cause: str
    started_by: str
    created_at: datetime
    inputs: Mapping[str, Any] = field(default_factory=dict)
    event: Mapping[str, Any] | None = None
    retry_of: str | None = None
    from_step: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    deadline: datetime | None = None
    """When a run that still goes on is stopped: its start and the workflow's timeout."""
    failure: Failure | None = None
    outputs: Mapping[str, Any] | None = None
    cancelled_by: str | None = None
    artifacts: str | None = None
    """s3:// folder of its history and artifacts, once it has ended."""
    not_before: datetime | None = None
    depth: int = 0
    """How many runs led to it, each by an event that the next one's trigger matched."""
    retried_by: str | None = None
    """The one run that goes on from this one: a run is retried once, then its successor is."""
    requesters: tuple[str, ...] = ()
    """Who asked for the runs that this one goes on from: `started_by` asked for this one."""
    audit_head: str | None = None
    """Hash of the last entry of its audit chain when it was sealed, and its history was written."""
    rowversion: int | None = None

    @property
    def settled(self) -> bool:
        """It has ended, and was sealed: nothing is left to be done about it."""
        return self.status.ended and self.audit_head is not None


class StepStatus(StrEnum):
    """Of one step in one iteration."""

    STARTED = "started"
    """An attempt was recorded; whether its effect happened is not known until it is answered."""
    WAITING = "waiting"
    """Asked for on the bus, or an approval: the answer comes through its token."""
    RETRYING = "retrying"
    SUCCEEDED = "succeeded"
    SKIPPED = "skipped"
    FAILED = "failed"
    UNKNOWN = "unknown"
    """The outcome of an effect that is neither idempotent nor searchable was lost: a person decides."""
    EXPIRED = "expired"


@dataclass(frozen=True)
class StepRecord:
    """A line of the journal. `effect_key` is what providers see: it stays the same over attempts,
    duplicates and retries of a failed run, and is new only where somebody asks for a step that had
    succeeded to be done again. `output` is None where it is too large for a row: then `output_location`
    says where it is."""

    run: str
    step: str
    at: str
    status: StepStatus
    attempt: int
    effect_key: str
    started_at: datetime
    ended_at: datetime | None = None
    input: Mapping[str, Any] | None = None
    output: Any = None
    output_location: str | None = None
    failure: Failure | None = None
    token: str | None = None
    earlier_tokens: tuple[str, ...] = ()
    """Of calls of the same attempt that were repeated: the answer is told to all of them."""
    branch: int = -1
    items: int = 0
    until: str | None = None
    """Of a wait: when it is over."""
    retry_at: datetime | None = None
    """Before it, no new attempt begins."""
    lost: int = 0
    """Attempts that died without an answer; they do not count as the author's attempts."""
    caught: bool = False
    """Its failure was handled by steps of its own."""
    carried_from: str | None = None
    """The run in which it was done, where this run only takes it over."""
    rowversion: int | None = None


class ApprovalStatus(StrEnum):
    OPEN = "open"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    """Its run ended without it."""


@dataclass(frozen=True)
class Decision:
    """Of one person: once."""

    by: str
    approve: bool
    at: datetime
    comment: str = ""


@dataclass(frozen=True)
class Approval:
    """`id` is the step's effect key. Neither `requester` may decide, who asked for the run, nor `requesters`,
    who asked for the runs that it goes on from."""

    id: str
    run: str
    workflow: str
    step: str
    at: str
    message: str
    roles: tuple[str, ...]
    subjects: tuple[str, ...]
    count: int
    requester: str
    status: ApprovalStatus
    created_at: datetime
    expires_at: datetime
    reminders: int | None = None
    reminded_at: datetime | None = None
    decisions: tuple[Decision, ...] = ()
    token: str | None = None
    requesters: tuple[str, ...] = ()
    rowversion: int | None = None
