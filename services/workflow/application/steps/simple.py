"""Steps without an effect: a choice, a wait, the items of a loop, the beginning of branches.

They are evaluated once and journaled: whoever asks again, or retries the run, gets the same.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from services.workflow.application.runtime import Call, Runtime, save
from services.workflow.application.scope import evaluated, holds
from services.workflow.domain.definition import ChoiceStep, ForEachStep, ParallelStep, WaitStep
from services.workflow.domain.effects import failed, succeeded
from services.workflow.domain.run import StepRecord, StepStatus
from shared.clock import iso
from shared.json_text import plain


def choose(runtime: Runtime, call: Call, step: ChoiceStep, record: StepRecord | None) -> StepRecord:
    """The number of the first branch that holds, or -1."""
    taken = -1
    for number, branch in enumerate(step.branches):
        if branch.when is None or holds(runtime, call, branch.when):
            taken = number
            break
    begun = replace(_begun(call, record), branch=taken)
    return save(runtime, call.tenant, succeeded(begun, {"branch": taken}, call.now))


def wait(runtime: Runtime, call: Call, step: WaitStep, record: StepRecord | None) -> StepRecord:
    """Until when."""
    begun = _begun(call, record)
    if step.until is None:
        until: datetime | None = call.now + timedelta(seconds=step.seconds or 0)
    else:
        value = evaluated(runtime, call, step.until)
        until = _moment(value)
        if until is None:
            message = f"'until' is no timestamp with a time zone, such as 2026-11-01T08:00:00Z: {value!r:.80}"
            return _failed(runtime, call, begun, "WAIT_UNTIL_INVALID", message)
    if until is not None and call.run.deadline is not None and until > call.run.deadline:
        message = f"it would wait until {iso(until)}, and the run is stopped at {iso(call.run.deadline)}"
        return _failed(runtime, call, begun, "WAIT_BEYOND_TIMEOUT", message)
    text = None if until is None else iso(until)
    return save(runtime, call.tenant, succeeded(replace(begun, until=text), {"until": text}, call.now))


def list_items(runtime: Runtime, call: Call, step: ForEachStep, record: StepRecord | None) -> StepRecord:
    """How many items there are, and which."""
    begun = _begun(call, record)
    items = plain(evaluated(runtime, call, step.items))
    if not isinstance(items, list):
        return _failed(runtime, call, begun, "ITEMS_INVALID", f"'items' gives no list: {step.items:.80}")
    if len(items) > step.max_items:
        message = f"{len(items)} items, and max_items is {step.max_items}"
        return _failed(runtime, call, begun, "TOO_MANY_ITEMS", message)
    output = {"items": items, "count": len(items)}
    return save(runtime, call.tenant, succeeded(replace(begun, items=len(items)), output, call.now))


def branch_out(runtime: Runtime, call: Call, step: ParallelStep, record: StepRecord | None) -> StepRecord:
    """Nothing but that it began."""
    return save(runtime, call.tenant, succeeded(_begun(call, record), None, call.now))


def _begun(call: Call, record: StepRecord | None) -> StepRecord:
    return replace(record or call.new_record(StepStatus.STARTED), attempt=1)


def _failed(runtime: Runtime, call: Call, record: StepRecord, code: str, message: str) -> StepRecord:
    return save(runtime, call.tenant, failed(record, call.failure(code, message), call.now))


def _moment(value: Any) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None
