"""A delivery that does not go well, though nobody rejected it: what an operator must see.

A landing message that fails for a reason of ours (no space, an object that is gone, a bug) comes again until
it is out of receives, and then lies in the dead-letter queue. The row of this trouble is kept beside the
delivery, and only where there is trouble: a delivery that goes well at once never has one.

- What fails is noted with its reason before its message is given back.
- What is killed cannot say so. Therefore each attempt but the first is noted *when it begins*: if the one
  before left no word, that is its word (KILLED). After its last receive nothing comes that could tell, so
  there the worker renews `alive_until` with every heartbeat: a last attempt that fell silent has failed.
- A delivery that is announced anew (a redrive, the landing sweep) is being tried again; once it is handled,
  its trouble is resolved.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from services.cost_center.domain.landing import LandedObject, LandingPlace
from shared.tenancy import TenantId

KILLED = "KILLED"
_SILENT = "an attempt ended without a word: its worker was killed, or ran out of memory"
LONGEST_REASON = 1_000


class TroubleState(StrEnum):
    """Whether anybody will try again by themselves."""

    RETRYING = "retrying"
    FAILED = "failed"


@dataclass(frozen=True)
class Trouble:
    """One delivery's failed attempts.

    `attempts` counts all of them, over every message that told of the delivery; `receive` and `receives` are
    of the message in hand: at which of how many it is. `code` and `reason` are the last failure's. `since` is
    when the first attempt failed, as far as it is known. `ended` is None while an attempt is under way.
    """

    delivery_id: str
    key: str
    source: str
    filename: str
    message_id: str
    attempts: int
    receive: int
    receives: int
    since: datetime
    code: str
    reason: str
    alive_until: datetime
    ended: datetime | None = None
    resolved: datetime | None = None
    version: int | None = None

    @property
    def last_receive(self) -> bool:
        return self.receive >= self.receives

    def state(self, now: datetime) -> TroubleState:
        if self.last_receive and (self.ended is not None or now > self.alive_until):
            return TroubleState.FAILED
        return TroubleState.RETRYING

    def told(self, now: datetime) -> tuple[str, str]:
        """(code, reason) of the last attempt that failed, which may be the one under way that fell silent."""
        if self.ended is None and self.state(now) is TroubleState.FAILED:
            return KILLED, _SILENT
        return self.code, self.reason


@dataclass(frozen=True)
class Attempt:
    """A message in a worker's hand: the `receive`-th (from 1) of `receives`, and until when it is its own."""

    message_id: str
    receive: int
    receives: int
    alive_until: datetime


def began(
    before: Trouble | None, attempt: Attempt, landed: LandedObject, place: LandingPlace, now: datetime
) -> Trouble | None:
    """The trouble as an attempt begins; None where there is none so far."""
    found = None if before is None or before.resolved is not None else before
    if found is None and attempt.receive == 1:
        return None
    if found is None:
        # The attempts before left no word at all, or it could not be written.
        found = _first(attempt, landed, place, now, attempts=attempt.receive - 1)
        found = replace(found, version=None if before is None else before.version)
    elif found.ended is None and (found.message_id == attempt.message_id or found.alive_until < now):
        found = replace(found, code=KILLED, reason=_SILENT)
    return replace(
        found,
        message_id=attempt.message_id,
        attempts=found.attempts + 1,
        receive=attempt.receive,
        receives=attempt.receives,
        alive_until=attempt.alive_until,
        ended=None,
        resolved=None,
    )


def failed(
    begun: Trouble | None,
    attempt: Attempt,
    landed: LandedObject,
    place: LandingPlace,
    now: datetime,
    *,
    code: str,
    reason: str,
) -> Trouble:
    """The trouble after the attempt failed with this reason. `begun` is what `began` gave for it."""
    trouble = begun or _first(attempt, landed, place, now, attempts=1)
    return replace(trouble, code=code, reason=reason[:LONGEST_REASON], ended=now)


def _first(
    attempt: Attempt, landed: LandedObject, place: LandingPlace, now: datetime, *, attempts: int
) -> Trouble:
    return Trouble(
        delivery_id=landed.delivery_id,
        key=landed.key,
        source=place.source,
        filename=place.filename,
        message_id=attempt.message_id,
        attempts=attempts,
        receive=attempt.receive,
        receives=attempt.receives,
        since=now,
        code=KILLED,
        reason=_SILENT,
        alive_until=attempt.alive_until,
    )


@dataclass(frozen=True)
class TroublePage:
    """Open troubles in order of their delivery's id, and the token of the next page."""

    troubles: Sequence[Trouble]
    cursor: str | None


class Troubles(Protocol):
    """Where troubles are kept."""

    def trouble(self, tenant: TenantId, delivery_id: str) -> Trouble | None: ...

    def troubles(self, tenant: TenantId, *, limit: int, cursor: str | None) -> TroublePage:
        """One page of `limit` rows; those that are resolved are left out, so it may be shorter."""
        ...

    def save_trouble(self, tenant: TenantId, trouble: Trouble) -> Trouble:
        """Store it; returns it with its new version. Raises Conflict when somebody else wrote."""
        ...
