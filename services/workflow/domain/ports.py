"""What the use cases need of the world. Every method takes the tenant first, and sees that tenant alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from services.workflow.domain.definition import Definition
from services.workflow.domain.run import Approval, Run, RunStatus, StepRecord
from shared.events import Event
from shared.tenancy import TenantId

T = TypeVar("T")


@dataclass(frozen=True)
class Published:
    """A version: its source text, what was parsed from it, its ASL, and the state machine version's ARN
    (None until Step Functions has it)."""

    workflow: str
    version: int
    source: str
    definition: Definition
    asl: str
    machine: str | None
    published_by: str
    published_at: datetime
    content: str
    """SHA-256 of the source: the same again publishes nothing."""
    retired: bool = False
    """The state machine's version was removed as unused, and is made again when a run needs it; `machine`
    still tells of its executions."""


@dataclass(frozen=True)
class Page(Generic[T]):
    """Rows in order, and the cursor of the next page (None on the last)."""

    rows: Sequence[T]
    cursor: str | None


class Versions(Protocol):
    """Published versions, which never change."""

    def get(self, tenant: TenantId, workflow: str, version: int) -> Published | None: ...


class Runs(Protocol):
    """Runs. A write is conditional on the row that was read (`rowversion`; VersionConflict), and an event
    leaves in the same transaction as the change that it tells of."""

    def get(self, tenant: TenantId, run: str) -> Run | None: ...

    def create(self, tenant: TenantId, run: Run, events: Sequence[Event] = ()) -> bool:
        """False where a run of that id exists already (the same cause): nothing is written then."""

    def change(self, tenant: TenantId, before: Run, after: Run, events: Sequence[Event] = ()) -> Run:
        """Writes `after` over `before`, and the workflow's count of running runs where a place was taken or
        given back, in one transaction. Raises VersionConflict, and Conflict (CONCURRENCY) where no place is
        free: the limit is `limits.concurrency` of the run's definition, given as `places` when the store is
        made per call."""

    def take_place(self, tenant: TenantId, before: Run, after: Run, places: int | None) -> Run | None:
        """`change` from queued to starting, if fewer than `places` of the workflow's runs hold one; None if
        not."""

    def of_workflow(
        self,
        tenant: TenantId,
        workflow: str | None,
        *,
        status: RunStatus | None,
        limit: int,
        cursor: str | None,
    ) -> Page[Run]:
        """Newest first."""


class Journal(Protocol):
    """Steps of runs."""

    def get(self, tenant: TenantId, run: str, step: str, at: str) -> StepRecord | None: ...

    def every(self, tenant: TenantId, run: str) -> Sequence[StepRecord]: ...

    def save(self, tenant: TenantId, record: StepRecord, events: Sequence[Event] = ()) -> StepRecord:
        """Conditional on `record.rowversion` (None: there must be no row). Raises VersionConflict. An
        output above the row's limit goes to S3 first, and `output_location` names it."""

    def by_effect(self, tenant: TenantId, effect_key: str) -> StepRecord | None:
        """The record that an answer is for: of the run that began the effect last."""

    def output(self, tenant: TenantId, record: StepRecord) -> Any:
        """A step's output, wherever it is kept."""


class Approvals(Protocol):
    """Approvals of runs."""

    def get(self, tenant: TenantId, approval: str) -> Approval | None: ...

    def save(self, tenant: TenantId, approval: Approval, events: Sequence[Event] = ()) -> Approval:
        """Conditional on `approval.rowversion` (None: new). Raises VersionConflict."""

    def open(self, tenant: TenantId, *, limit: int, cursor: str | None) -> Page[Approval]: ...

    def of_run(self, tenant: TenantId, run: str) -> Sequence[Approval]: ...


class Audit(Protocol):
    """The audit chain of each run: every entry carries the hash of the one before."""

    def append(
        self, tenant: TenantId, run: str, act: str, by: str, facts: Mapping[str, Any], *, key: str
    ) -> None:
        """Once per `key` (a repetition adds nothing)."""

    def head(self, tenant: TenantId, run: str) -> str | None:
        """The hash of the last entry; None where there is none."""


class Callbacks(Protocol):
    """Step Functions' task tokens. Each returns False where nobody waits for the token any more."""

    def succeed(self, token: str, output: Mapping[str, Any]) -> bool: ...

    def heartbeat(self, token: str) -> bool: ...


class Executions(Protocol):
    """Step Functions' executions of a tenant's state machines."""

    def start(self, machine: str, name: str, input: Mapping[str, Any]) -> bool:
        """False where an execution of this name exists (it counts as started). Raises TooManyRequests when
        throttled, NotFound where the machine's version is gone."""

    def stop(self, machine: str, name: str, cause: str) -> None:
        """Does nothing where it has ended or never was."""

    def status(self, machine: str, name: str) -> str | None:
        """RUNNING, SUCCEEDED, FAILED, TIMED_OUT, ABORTED; None where there is none."""
