"""A workflow as the platform holds it: which version is current, and what starts it."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from services.workflow.domain.definition import CronTrigger, EventTrigger, Trigger, WebhookTrigger


@dataclass(frozen=True)
class Publication:
    """A version on its way: its number is reserved, and nothing runs it yet."""

    version: int
    content: str
    by: str
    at: datetime


@dataclass(frozen=True)
class Workflow:
    """The row that says which version new runs are of. `reserved` is the highest number ever given out;
    `content` is the SHA-256 of the current version's source. A deleted one keeps its row, so that a number
    never comes twice. `machine` says whether Step Functions may still hold something of it."""

    id: str
    title: str
    updated_at: datetime
    updated_by: str
    current: int | None = None
    content: str = ""
    reserved: int = 0
    publishing: Publication | None = None
    paused: bool = False
    deleted: bool = False
    machine: bool = False
    rowversion: int | None = None

    @property
    def runnable(self) -> bool:
        return self.current is not None and not self.deleted and not self.paused


@dataclass(frozen=True)
class TriggerSet:
    """All triggers of a workflow's current version: one row, so that they change together. `since` is when
    they became the current ones, `unchanged` since when earlier ones had a schedule just so, by its name; a
    paused or deleted workflow's set is there, and fires nothing."""

    workflow: str
    version: int
    triggers: tuple[Trigger, ...]
    since: datetime
    by: str
    active: bool = True
    unchanged: Mapping[str, datetime] = field(default_factory=dict)

    def since_of(self, schedule: str) -> datetime:
        """Times before it are not asked of the schedule."""
        return self.unchanged.get(schedule, self.since)

    def kept(self, triggers: Sequence[Trigger]) -> dict[str, datetime]:
        """Which of the next version's schedules are as they are here, and since when."""
        here = {(each.name, each.cron, each.timezone) for each in self.crons()}
        return {
            each.name: self.since_of(each.name)
            for each in triggers
            if isinstance(each, CronTrigger) and (each.name, each.cron, each.timezone) in here
        }

    def events(self) -> tuple[EventTrigger, ...]:
        return tuple(each for each in self.triggers if isinstance(each, EventTrigger))

    def crons(self) -> tuple[CronTrigger, ...]:
        return tuple(each for each in self.triggers if isinstance(each, CronTrigger))

    def webhook(self, name: str) -> WebhookTrigger | None:
        found = (each for each in self.triggers if isinstance(each, WebhookTrigger) and each.name == name)
        return next(found, None)


@dataclass(frozen=True)
class GlobalTrigger:
    """The operators': an event starts `workflow` in every tenant that has published one of that name."""

    name: str
    type: str
    workflow: str
    pattern: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def trigger(self) -> str:
        """The trigger's name in runs: no tenant's trigger may have it."""
        return f"global:{self.name}"


@dataclass(frozen=True)
class TenantLimits:
    """Of one tenant, over all of its workflows."""

    starts_per_second: int = 10


@dataclass(frozen=True)
class HookSecret:
    """One secret of a webhook (`whsec_...`), until `expires_at` (None: until it is replaced)."""

    secret: str
    created_at: datetime
    expires_at: datetime | None = None


@dataclass(frozen=True)
class Hook:
    """A webhook's address and secrets. They outlive a version: a sender need not know of one."""

    id: str
    workflow: str
    trigger: str
    secrets: tuple[HookSecret, ...]
    rowversion: int | None = None


@dataclass(frozen=True)
class MachineVersion:
    """One published version of a state machine."""

    arn: str
    created_at: datetime


def content_of(source: str) -> str:
    """What tells one source from another."""
    return hashlib.sha256(source.encode()).hexdigest()
