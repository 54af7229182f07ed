"""A workflow as its author means it: the model that parsing makes, and that the compiler and the dispatcher
read.

Durations are whole seconds here (text such as `10m` in the file). Expressions are text in the language of
`services.workflow.domain.expressions`; texts may hold `${expression}`. Step ids are unique in a definition.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from shared.actions import Field


class OnLimit(StrEnum):
    """What becomes of a run that a limit forbids to start now."""

    DELAY = "delay"
    REFUSE = "refuse"


class Missed(StrEnum):
    """What becomes of the times at which a schedule could not run (the platform was down, the workflow
    paused)."""

    SKIP = "skip"
    RUN_ONCE = "run_once"
    RUN_ALL = "run_all"
    """At most 100 of them."""


class Jitter(StrEnum):
    """`full`: a random part of the delay; `none`: all of it."""

    FULL = "full"
    NONE = "none"


@dataclass(frozen=True)
class EventTrigger:
    """An event of `type` (`BillIngested.v1`) whose data match `pattern` (EventBridge's syntax), where
    `when` holds."""

    name: str
    type: str
    pattern: Mapping[str, Any] = field(default_factory=dict)
    when: str | None = None
    inputs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class CronTrigger:
    """`cron` is EventBridge Scheduler's expression without the word (`0 8 1 * ? *`), in `timezone` (IANA)."""

    name: str
    cron: str
    timezone: str = "UTC"
    missed: Missed = Missed.RUN_ONCE
    inputs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class WebhookTrigger:
    """Posts to the trigger's own address, signed (Standard Webhooks)."""

    name: str
    when: str | None = None
    inputs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ManualTrigger:
    """A person, or a program with a token."""

    name: str


Trigger = EventTrigger | CronTrigger | WebhookTrigger | ManualTrigger


@dataclass(frozen=True)
class Limits:
    """`concurrency` runs at once, `per_minute` starts; None: only the platform's own."""

    concurrency: int | None = None
    per_minute: int | None = None
    on_limit: OnLimit = OnLimit.DELAY


@dataclass(frozen=True)
class Retry:
    """`attempts` in all (1: no retry); the delay before attempt n+1 is delay * backoff^(n-1), at most
    `max_delay`."""

    attempts: int = 3
    delay: int = 5
    backoff: int = 2
    max_delay: int = 300
    jitter: Jitter = Jitter.FULL


@dataclass(frozen=True)
class ActionStep:
    """`with_` holds the action's input, with templates. `credential` names what the dispatcher resolves."""

    id: str
    action: str
    with_: Mapping[str, Any] = field(default_factory=dict)
    when: str | None = None
    credential: str | None = None
    timeout: int = 60
    heartbeat: int | None = None
    retry: Retry = Retry()
    on_failure: tuple["Step", ...] = ()
    """Runs where the step failed for good; the workflow then goes on. Empty: the failure is the run's."""


@dataclass(frozen=True)
class WaitStep:
    """Either `seconds`, or `until`: an expression that gives a timestamp."""

    id: str
    seconds: int | None = None
    until: str | None = None
    when: str | None = None


@dataclass(frozen=True)
class ApprovalStep:
    """`count` people out of `roles` and `subjects`, none of them who started the run, within `expires`
    seconds.

    `reminders`: every so many seconds while it is open (None: never). `on_expiry` runs instead of failing
    the run. A rejection fails the run with APPROVAL_REJECTED.
    """

    id: str
    message: str
    roles: tuple[str, ...] = ("approver",)
    subjects: tuple[str, ...] = ()
    count: int = 1
    expires: int = 86_400
    reminders: int | None = None
    on_expiry: tuple["Step", ...] = ()
    when: str | None = None


@dataclass(frozen=True)
class Branch:
    """Of a choice: `when` None is `otherwise`, the last. Of a parallel step: `when` is None."""

    steps: tuple["Step", ...]
    when: str | None = None


@dataclass(frozen=True)
class ChoiceStep:
    """The first branch that holds; none: goes on."""

    id: str
    branches: tuple[Branch, ...]
    when: str | None = None


@dataclass(frozen=True)
class ParallelStep:
    """All branches at once; it fails when one fails."""

    id: str
    branches: tuple[Branch, ...]
    when: str | None = None


@dataclass(frozen=True)
class ForEachStep:
    """`items` gives a list of at most `max_items`; inside, `item` and `index` are known."""

    id: str
    items: str
    steps: tuple["Step", ...]
    max_items: int = 100
    concurrency: int = 5
    when: str | None = None


Step = ActionStep | WaitStep | ApprovalStep | ChoiceStep | ParallelStep | ForEachStep


@dataclass(frozen=True)
class Definition:
    """A whole workflow. `timeout` is of a run; `outputs` are templates over the run's scope at its end."""

    id: str
    title: str
    steps: tuple[Step, ...]
    description: str = ""
    inputs: Mapping[str, Field] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)
    triggers: tuple[Trigger, ...] = ()
    limits: Limits = Limits()
    timeout: int = 86_400
    on_failure: tuple[Step, ...] = ()

    def every_step(self) -> Iterator[Step]:
        """All steps, in the order of the file; those of `on_failure` last."""
        yield from walk(self.steps)
        yield from walk(self.on_failure)

    def step(self, id: str) -> Step:
        """Raises KeyError."""
        for each in self.every_step():
            if each.id == id:
                return each
        raise KeyError(id)


def walk(steps: Sequence[Step]) -> Iterator[Step]:
    """The steps and all that is inside them."""
    for step in steps:
        yield step
        yield from walk(inside(step))


def inside(step: Step) -> tuple[Step, ...]:
    """The steps directly inside a step."""
    if isinstance(step, ChoiceStep | ParallelStep):
        return tuple(each for branch in step.branches for each in branch.steps)
    if isinstance(step, ForEachStep):
        return step.steps
    if isinstance(step, ApprovalStep):
        return step.on_expiry
    if isinstance(step, ActionStep):
        return step.on_failure
    return ()
