"""Names of states: those of a step are its id and a suffix, so that every state tells its step.

Step ids are lower case and hold no dot, so nothing of a step can be called like a state of the run.
"""

from enum import StrEnum

from services.workflow.domain.definition import Step

LONGEST = 80
"""Characters of a state's name (a quota of Step Functions)."""

AGAIN = ".wait"
"""Of the wait before a retry: the one way back in a machine."""


class RunState(StrEnum):
    """States that every machine has once."""

    START = "Start"
    BEGIN = "Begin"
    BEGUN = "Begin?"
    BEGIN_FAILED = "Begin.failed"
    FAILURE = "Failure"
    FAILING = "Failure?"
    END = "End"
    LOST = "Lost"


def decision(step: Step) -> str:
    """The choice on the dispatcher's reply."""
    return f"{step.id}?"


def again(step: Step) -> str:
    """The wait before a retry."""
    return step.id + AGAIN


def expired(step: Step) -> str:
    """The task that asks what became of a token that timed out."""
    return f"{step.id}.expired"


def failed(step: Step) -> str:
    """The task that notes a failure outside the dispatcher's hands."""
    return f"{step.id}.failed"


def caught(step: Step) -> str:
    """The task that begins the step's own on_failure."""
    return f"{step.id}.caught"


def handled(step: Step) -> str:
    """The choice on what `caught` replied."""
    return f"{step.id}.caught?"


def body(step: Step) -> str:
    """The wait, map or parallel state of a step that asks the dispatcher first."""
    return f"{step.id}.body"


def done(step: Step, branch: int) -> str:
    """The good end of a branch or iteration."""
    return f"{step.id}.done{branch}"


def broken(step: Step, branch: int) -> str:
    """The bad end of a branch or iteration."""
    return f"{step.id}.broken{branch}"


def step_of(state: str) -> str | None:
    """The id of the step that a state belongs to; None for a state of the run."""
    return state.partition(".")[0].rstrip("?") if state[:1].islower() else None
