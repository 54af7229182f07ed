"""The life of one step in the journal: its key, its attempts, and what the state machine is told of it.

(none) -> STARTED -> SUCCEEDED | RETRYING -> STARTED ... | FAILED | UNKNOWN -> a person decides
(none) -> WAITING -> SUCCEEDED | RETRYING -> WAITING ... | FAILED | UNKNOWN | EXPIRED
"""

import hashlib
import math
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from services.workflow.domain.definition import Jitter, Retry
from services.workflow.domain.dispatch import Outcome, Reply
from services.workflow.domain.run import Failure, StepRecord, StepStatus
from shared.actions import Idempotency

Uniform = Callable[[float, float], float]

MOST_LOST = 3
"""Attempts that may die without an answer before the step fails: whatever kills them will kill the next."""
LONGEST_DELAY = 3600
PATIENCE = timedelta(days=1)
"""How long a step waits for a person who tells what became of its effect."""
_MARGIN = timedelta(minutes=10)
"""Before its deadline the run still has to handle the failure."""
_FIRST_LOOK = 15
_SELDOM_LOOK = 3600

SETTLED = frozenset({StepStatus.SUCCEEDED, StepStatus.SKIPPED, StepStatus.FAILED, StepStatus.EXPIRED})
"""Nothing changes a step any more that is in one of these."""


def effect_key(run: str, at: str, step: str) -> str:
    """`e-` and 40 hex characters: what providers see. `run` is the one in which the effect was first
    wanted."""
    return "e-" + hashlib.sha256(f"{run}|{at}|{step}".encode()).hexdigest()[:40]


def retry_delay(retry: Retry, attempt: int, uniform: Uniform, retry_after: int | None = None) -> int:
    """Seconds (at least 1) after failed attempt `attempt`: exponential, jittered over all of it (full
    jitter), and never less than what the provider asked for."""
    # The exponent is bounded before it is raised: the delay is capped long before 2**32.
    full = min(retry.max_delay, retry.delay * retry.backoff ** min(attempt - 1, 32))
    delay = uniform(0, full) if retry.jitter is Jitter.FULL else full
    return min(LONGEST_DELAY, max(1, math.ceil(delay), retry_after or 0))


def succeeded(record: StepRecord, output: object, now: datetime) -> StepRecord:
    return replace(
        record, status=StepStatus.SUCCEEDED, output=output, ended_at=now, failure=None, retry_at=None
    )


def failed(record: StepRecord, failure: Failure, now: datetime) -> StepRecord:
    """For good."""
    return replace(record, status=StepStatus.FAILED, failure=failure, ended_at=now, retry_at=None)


def lost(record: StepRecord, now: datetime) -> StepRecord:
    """The record of an attempt whose outcome nobody can find out but a person."""
    failure = Failure(
        "EFFECT_UNKNOWN",
        "the attempt ended without an answer; tell by `onyx workflow resolve` whether it happened",
        record.step,
        record.at,
    )
    return replace(record, status=StepStatus.UNKNOWN, failure=failure, ended_at=now, retry_at=None)


def after_failure(
    record: StepRecord,
    failure: Failure,
    retry: Retry,
    idempotency: Idempotency,
    uniform: Uniform,
    now: datetime,
    *,
    unknown: bool = False,
    retry_after: int | None = None,
) -> StepRecord:
    """The record after an attempt that failed: another attempt, the end, or a question to a person.

    `unknown`: whether the effect happened could not be told. That is no reason to stop where it may be done
    again, and the end of what a machine may decide where it may not.
    """
    if unknown and idempotency is Idempotency.NEITHER:
        return replace(record, status=StepStatus.UNKNOWN, failure=failure, ended_at=now, retry_at=None)
    if (failure.retryable or unknown) and record.attempt < retry.attempts:
        delay = retry_delay(retry, max(1, record.attempt), uniform, retry_after)
        return replace(
            record,
            status=StepStatus.RETRYING,
            failure=failure,
            ended_at=now,
            retry_at=now + timedelta(seconds=delay),
        )
    return failed(record, failure, now)


def reply_of(record: StepRecord, now: datetime) -> Reply:
    """What the state machine is told of a step. Always the same of a settled one."""
    code = record.failure.code if record.failure is not None else ""
    match record.status:
        case StepStatus.SUCCEEDED:
            items = tuple(str(index) for index in range(record.items))
            return Reply(Outcome.OK, branch=record.branch, items=items, until=record.until)
        case StepStatus.SKIPPED:
            return Reply(Outcome.SKIPPED)
        case StepStatus.FAILED:
            return Reply(Outcome.FAILED, code=code)
        case StepStatus.EXPIRED:
            return Reply(Outcome.EXPIRED, code=code)
        case StepStatus.WAITING:
            return Reply(Outcome.PENDING)
        case StepStatus.UNKNOWN:
            return Reply(Outcome.RETRY, delay=_next_look(record, now), code=code)
        case StepStatus.STARTED | StepStatus.RETRYING:
            return Reply(Outcome.RETRY, delay=_seconds_until(record.retry_at, now), code=code)


def is_due(record: StepRecord, now: datetime) -> bool:
    """Whether the next attempt of a step may begin."""
    return record.retry_at is None or now >= record.retry_at


def patience_ends(record: StepRecord, timeout: int, deadline: datetime | None) -> datetime:
    """Until when a step of unknown outcome waits for a person: a day, longer if the step itself may take
    longer, and never beyond its run."""
    since = record.ended_at or record.started_at
    until = since + max(PATIENCE, timedelta(seconds=timeout))
    return until if deadline is None else max(since, min(until, deadline - _MARGIN))


def _next_look(record: StepRecord, now: datetime) -> int:
    """As long again as it has waited so far, from 15 seconds to an hour, and not beyond `retry_at`: each look
    costs events of the execution's history, which holds 25,000."""
    waited = (now - (record.ended_at or record.started_at)).total_seconds()
    delay = int(min(_SELDOM_LOOK, max(_FIRST_LOOK, waited)))
    return delay if record.retry_at is None else min(delay, _seconds_until(record.retry_at, now))


def _seconds_until(moment: datetime | None, now: datetime) -> int:
    return 1 if moment is None else max(1, math.ceil((moment - now).total_seconds()))
