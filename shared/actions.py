"""Actions: what a workflow's step may ask of any service, declared by the service that does it.

A service lists its actions as `ACTIONS` in its `events.py`; `make actions` writes all of them to
`services/workflow/actions.json`, so that the workflow service knows none of them by import. An action that is
not the workflow service's own is asked for by `ActionRequested.v1` on the bus and answered by
`ActionFinished.v1`, both with the effect's key: whoever does the work does it once per key.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from shared.events import Event
from shared.tenancy import Role


class Idempotency(StrEnum):
    """What becomes of an effect whose answer was lost."""

    IDEMPOTENT = "idempotent"
    """The same key again has no second effect: it is simply asked for again."""
    SEARCHABLE = "searchable"
    """The provider finds out by the key whether it happened, before it does it again."""
    NEITHER = "neither"
    """Nobody can know: the attempt is recorded first, and an unknown outcome waits for a person."""


class Mode(StrEnum):
    """How a step runs."""

    INLINE = "inline"
    """Within the dispatcher's own call: short, and of the workflow service itself."""
    EVENT = "event"
    """Asked for on the bus, and awaited with a task token."""


class Kind(StrEnum):
    """The type of a value that goes in or comes out. Decimals and timestamps are text in JSON."""

    STRING = "string"
    INTEGER = "integer"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    TIMESTAMP = "timestamp"
    LIST = "list"
    OBJECT = "object"
    ANY = "any"


@dataclass(frozen=True)
class Field:
    """One value of an action's input or output (or of a workflow's inputs)."""

    kind: Kind
    description: str = ""
    required: bool = False
    default: Any = None
    one_of: tuple[str, ...] = ()
    """Where not empty: the only texts that are allowed."""


@dataclass(frozen=True)
class Action:
    """One action: `<service>.<verb>`. `role` is what the person needs who publishes a workflow that uses it;
    `permissions` are the AWS actions that its provider holds for it; `timeout_seconds` is the longest that a
    step may wait for it where the step itself says nothing."""

    name: str
    title: str
    description: str
    mode: Mode
    idempotency: Idempotency
    role: Role
    timeout_seconds: int
    input: Mapping[str, Field] = field(default_factory=dict)
    output: Mapping[str, Field] = field(default_factory=dict)
    permissions: tuple[str, ...] = ()
    open: bool = False
    """Whether input and output may hold names beyond those declared."""


class ActionRequested(Event):
    """A workflow's step asks for an action. The provider answers `ActionFinished` with the same key, whether
    it does the work now, did it before, or cannot.

    `attempt` counts from 1; `deadline` is when nobody waits for the answer any more. `requested_by` published
    the workflow's version: the work is done with that person's rights, whoever or whatever started the run.
    """

    type: ClassVar[str] = "ActionRequested"
    source: ClassVar[str] = "onyx.actions"
    subject_field: ClassVar[str | None] = "action"

    action: str
    effect_key: str
    run_id: str
    step: str
    attempt: int
    input: dict[str, Any]
    requested_by: str
    deadline: datetime


class ActionProgressed(Event):
    """Its provider is at work on an action, and says so while a step's `heartbeat` may be running out.

    Optional, and nothing follows from it but patience.
    """

    type: ClassVar[str] = "ActionProgressed"
    source: ClassVar[str] = "onyx.actions"
    subject_field: ClassVar[str | None] = "effect_key"

    action: str
    effect_key: str
    run_id: str
    step: str
    attempt: int


class ActionFinished(Event):
    """The answer: `output` where it succeeded, else `error_code` and `error`; `retryable` says whether the
    same again may succeed."""

    type: ClassVar[str] = "ActionFinished"
    source: ClassVar[str] = "onyx.actions"
    subject_field: ClassVar[str | None] = "effect_key"

    action: str
    effect_key: str
    run_id: str
    step: str
    attempt: int
    succeeded: bool
    output: dict[str, Any] | None = None
    error_code: str | None = None
    error: str | None = None
    retryable: bool = False
