"""What a state machine asks the dispatcher, and what it gets back: the contract between compiled ASL and
code.

Recorded runs of earlier versions are replayed against it (`tests/replay`), so its meaning never changes: what
is new gets a new `op`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

BRANCH_FAILED = "Onyx.BranchFailed"
"""`Error` in a request of op `failed`, against a parallel or for-each step: one of its steps failed (or the
run stops), and the journal has which."""
END_FAILED = "Onyx.EndFailed"
"""The error of an execution whose `end` could not be done: what started it ends the run."""


class Op(StrEnum):
    """What is asked."""

    BEGIN = "begin"
    """First state of every execution."""
    STEP = "step"
    """Do an action step; evaluate a choice; compute a wait; list the items of a for-each; open an
    approval."""
    EXPIRED = "expired"
    """The task of a step with a token timed out (an approval, an action): what does its record say?"""
    FAILED = "failed"
    """A state failed outside our hands (the function crashed or timed out for good): note it against
    `step`."""
    CAUGHT = "caught"
    """A step's own `on_failure` begins: its failure is handled."""
    FAILURE = "failure"
    """The run's on_failure branch begins."""
    END = "end"
    """Last state of every execution: the run's outcome."""


@dataclass(frozen=True)
class Request:
    """One call. `tenant`, `workflow`, `version`, `step` are literals of the state machine; `run` is the
    execution's name without its suffix; `at` says in which iteration: "" or `each[3]`, `each[3]/inner[0]`.
    `mode` is "run" or "cleanup" (only the on_failure branch, after a cancellation). `token` where the state
    waits for one.
    """

    op: Op
    tenant: str
    workflow: str
    version: int
    run: str
    execution: str
    """The execution's name: the run's id, or `<run>.cleanup`."""
    step: str | None = None
    at: str = ""
    mode: str = "run"
    token: str | None = None
    error: Mapping[str, Any] = field(default_factory=dict)
    """What the state machine caught: `Error` and `Cause`."""


class Outcome(StrEnum):
    """How the state machine goes on."""

    OK = "ok"
    SKIPPED = "skipped"
    """`when` did not hold."""
    RETRY = "retry"
    """Again, after `delay` seconds."""
    FAILED = "failed"
    """For good: to the step's on_failure, else the run's."""
    EXPIRED = "expired"
    """An approval that nobody decided: to on_expiry, else failed."""
    PENDING = "pending"
    """Only with a token: the answer comes through it. (What Step Functions then gets is a Reply as well.)"""
    STOP = "stop"
    """The run is cancelled or has ended: go to the end, do nothing more."""


@dataclass(frozen=True)
class Reply:
    """`branch` is of a choice (-1: none holds), `items` are indices "0".. of a for-each, `until` is a
    timestamp of a wait, `delay` whole seconds before a retry."""

    outcome: Outcome
    delay: int = 0
    branch: int = -1
    items: tuple[str, ...] = ()
    until: str | None = None
    code: str = ""
    """Of an error; empty where there is none."""
