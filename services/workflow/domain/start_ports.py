"""What publishing, triggers, starting and reconciling need of the world, besides `domain.ports`."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from services.workflow.domain.definition import CronTrigger
from services.workflow.domain.ports import Page, Published, Runs, Versions
from services.workflow.domain.run import Approval, Run
from services.workflow.domain.workflow import (
    GlobalTrigger,
    Hook,
    MachineVersion,
    TenantLimits,
    TriggerSet,
    Workflow,
)
from shared.events import Envelope, Event
from shared.tenancy import TenantId


class Workflows(Protocol):
    """Workflows' rows. Writes are conditional on `rowversion` (VersionConflict)."""

    def get(self, tenant: TenantId, workflow: str) -> Workflow | None: ...

    def page(self, tenant: TenantId, *, limit: int, cursor: str | None) -> Page[Workflow]:
        """By id, deleted ones among them."""

    def every(self, tenant: TenantId) -> Iterable[Workflow]: ...

    def save(self, tenant: TenantId, workflow: Workflow) -> Workflow:
        """The row alone."""

    def move(
        self, tenant: TenantId, workflow: Workflow, triggers: TriggerSet, events: Sequence[Event]
    ) -> Workflow:
        """The row, its triggers, the tenant's generation of triggers and the events: all or nothing."""


class StoredVersions(Versions, Protocol):
    """Versions, as publishing writes them."""

    def add(self, tenant: TenantId, published: Published) -> bool:
        """False where that number has its version: it is left as it is."""

    def ready(self, tenant: TenantId, workflow: str, version: int, machine: str) -> None:
        """Notes the state machine's version, the only thing that is not known from the beginning."""

    def numbers(self, tenant: TenantId, workflow: str) -> Mapping[int, tuple[datetime, str | None]]:
        """When each version was published, and its state machine's version if that is there, by number."""

    def retire(self, tenant: TenantId, workflow: str, version: int) -> None:
        """Its state machine's version is gone: all else stays, and `ready` makes it one that runs again."""


class Triggers(Protocol):
    """Tenants' triggers, which `Workflows.move` writes."""

    def generation(self, tenant: TenantId) -> int:
        """Grows with every change: what was read under another number is old."""

    def every(self, tenant: TenantId) -> Sequence[TriggerSet]: ...

    def get(self, tenant: TenantId, workflow: str) -> TriggerSet | None: ...

    def seen(self, tenant: TenantId, workflow: str, trigger: str) -> datetime | None:
        """Up to which time a schedule's times were dealt with."""

    def saw(self, tenant: TenantId, workflow: str, trigger: str, at: datetime) -> None:
        """Moves it forward, never back."""


class GlobalTriggers(Protocol):
    """The operators' triggers: they belong to no tenant."""

    def generation(self) -> int: ...

    def every(self) -> Sequence[GlobalTrigger]: ...

    def put(self, trigger: GlobalTrigger) -> None: ...

    def remove(self, name: str) -> None: ...


class QueuedRuns(Runs, Protocol):
    """Runs, as starting and reconciling see them."""

    def queued(self, tenant: TenantId, workflow: str, *, limit: int) -> Sequence[Run]:
        """Those that wait, oldest first."""

    def running(self, tenant: TenantId, workflow: str) -> int:
        """How many of the workflow's runs hold a place."""

    def open(self, shard: int, *, after: str | None, limit: int) -> "tuple[Sequence[OpenRun], str | None]":
        """Runs of all tenants that are not settled, oldest first, and where the next page begins."""


OpenRun = tuple[TenantId, Run]


class OpenApprovals(Protocol):
    """Approvals, as reconciling sees them."""

    def open_everywhere(
        self, shard: int, *, after: str | None, limit: int
    ) -> tuple[Sequence[tuple[TenantId, Approval]], str | None]:
        """Those of all tenants that are open, oldest first, and where the next page begins."""


class Marks(Protocol):
    """Where a job that goes on from run to run has stopped; None: begin again."""

    def get(self, name: str) -> str | None: ...

    def put(self, name: str, at: str | None) -> None: ...


class StartLimits(Protocol):
    """Counters over windows of time. Each call counts one, unless it answers False."""

    def in_minute(self, tenant: TenantId, workflow: str, now: datetime, most: int) -> bool: ...

    def in_second(self, tenant: TenantId, now: datetime, most: int) -> bool: ...


class Settings(Protocol):
    """What a tenant's admin decides."""

    def limits(self, tenant: TenantId) -> TenantLimits: ...


class Hooks(Protocol):
    """Webhooks' secrets."""

    def get(self, tenant: TenantId, hook: str) -> Hook | None: ...

    def of(self, tenant: TenantId, workflow: str) -> Sequence[str]:
        """The ids of the workflow's, also of triggers that it has no more."""

    def save(self, tenant: TenantId, hook: Hook) -> Hook: ...

    def remove(self, tenant: TenantId, hook: str) -> None: ...


class Requests(Protocol):
    """Where requests for runs go: the outbox."""

    def send(self, envelopes: Sequence[Envelope]) -> None:
        """All of them, in few writes; one that was sent before is not sent again."""


class Tenants(Protocol):
    """The tenants that ever published a workflow."""

    def add(self, tenant: TenantId) -> None: ...

    def turns(self, sweep: str) -> Iterable[TenantId]: ...

    def ended(self, sweep: str, last: TenantId) -> None: ...


class Machines(Protocol):
    """State machines: one per tenant and workflow."""

    def publish(self, tenant: TenantId, workflow: str, version: int, asl: str) -> str:
        """The ARN of the machine's version that runs this ASL; the same again is the same one, if nothing
        came between. Raises Unavailable while an older machine of the name is being deleted."""

    def versions(self, tenant: TenantId, workflow: str) -> Sequence[MachineVersion]:
        """Newest first; none where there is no machine."""

    def delete_version(self, arn: str) -> None: ...

    def delete(self, tenant: TenantId, workflow: str) -> None:
        """The machine and its versions. Executions that go on would be ended by it."""

    def count(self) -> int:
        """State machines of the account and region: what the quota counts."""


class Schedules(Protocol):
    """EventBridge Scheduler: one schedule per cron trigger. A schedule never changes: its name holds what it
    says."""

    def ensure(self, tenant: TenantId, workflow: str, trigger: CronTrigger) -> str:
        """Creates it where it is missing; returns its name."""

    def name(self, tenant: TenantId, workflow: str, trigger: CronTrigger) -> str: ...

    def names(self, tenant: TenantId) -> frozenset[str]:
        """All of the tenant's."""

    def delete(self, name: str) -> None:
        """Does nothing where it is gone."""
