"""What a retried run takes over from the run before: a table by how each step stood.

succeeded, skipped     as it is
failed, and handled    as it is: the run takes the same way again
failed, perhaps done   unknown: whether the effect happened is still to be told
asked, no answer yet   to be asked again; unknown where the action may not be repeated
failed                 to be tried again, with the same key and input
approvals              asked anew, unless they were given
from `from_step` on    done again under new keys where it had succeeded: somebody asked for that
the run's on_failure   never: a new failure is another one
"""

from collections.abc import Callable
from dataclasses import replace

from services.workflow.domain.definition import ActionStep, ApprovalStep, Definition, Step, walk
from services.workflow.domain.effects import lost
from services.workflow.domain.run import Run, StepRecord, StepStatus

_DONE = frozenset({StepStatus.SUCCEEDED, StepStatus.SKIPPED})
_MAY_HAVE_HAPPENED = frozenset({"EFFECT_UNKNOWN", "ACTION_OUTPUT_INVALID"})
"""Failures after which the effect may be there. The second: a provider says so, and lies about the rest."""
_AS_IT_IS = frozenset({StepStatus.STARTED, StepStatus.UNKNOWN})
"""The dispatcher finds out, or asks a person: what was begun may have happened."""


def carried(
    definition: Definition, record: StepRecord, run: Run, repeatable: Callable[[StepRecord], bool]
) -> StepRecord | None:
    """The record as `run` begins with it; None where it begins without. `repeatable` says of an action's
    record whether its effect may be asked for again under its key."""
    order = {step.id: number for number, step in enumerate(walk(definition.steps))}
    if record.step not in order:
        return None
    step = definition.step(record.step)
    again = run.from_step is not None and order[record.step] >= order.get(run.from_step, 0)
    mine = replace(
        record,
        run=run.id,
        carried_from=record.carried_from or record.run,
        token=None,
        earlier_tokens=(),
        rowversion=None,
    )
    if not again and record.status in _DONE:
        return replace(mine, failure=None, caught=False)
    if not again and handled(step, record):
        return mine
    if not isinstance(step, ActionStep) or record.status in _DONE:
        return None
    if record.failure is not None and record.failure.code in _MAY_HAVE_HAPPENED:
        return replace(mine, status=StepStatus.UNKNOWN, ended_at=run.started_at, retry_at=None)
    if record.status is StepStatus.WAITING and not repeatable(record):
        return lost(mine, run.started_at or run.created_at)
    if record.status in _AS_IT_IS:
        return replace(mine, ended_at=run.started_at if record.status is StepStatus.UNKNOWN else None)
    # What is done again before it may give it another input.
    return _to_be_tried(replace(mine, input=None) if again else mine)


def handled(step: Step, record: StepRecord) -> bool:
    """Whether a step that did not succeed was dealt with by steps of its own."""
    if record.status is StepStatus.EXPIRED:
        return isinstance(step, ApprovalStep) and bool(step.on_expiry)
    return record.caught


def unhandled(definition: Definition, record: StepRecord) -> bool:
    """Whether a record holds a failure that is the run's."""
    if record.failure is None or record.status in (StepStatus.RETRYING, StepStatus.UNKNOWN):
        return False
    try:
        return not handled(definition.step(record.step), record)
    except KeyError:
        return True


def _to_be_tried(record: StepRecord) -> StepRecord:
    """From its first attempt on, under the key that it has."""
    return replace(
        record,
        status=StepStatus.RETRYING,
        attempt=0,
        lost=0,
        retry_at=None,
        ended_at=None,
        failure=None,
        output=None,
        output_location=None,
        caught=False,
    )
