"""Redriving a relay's failure queue: what it holds are notes, and what they tell of are rows of an outbox.

A note says *where* a relay gave up (a place in the table's stream, or a sweep's run), not which row. The rows
themselves are still pending in the outbox, so the way back is the outbox's sweep. A note has served its turn
when nothing that it may tell of is pending any more: no row written around the records that it names, or,
where it names none, none written before the note itself. What is taken away too early would lose nothing:
the sweep goes on by itself, and `onyx status` tells of every pending row.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from infra.commands.channels import Channel, Stack, asking
from infra.commands.errors import CommandError
from infra.commands.letters import Letter, take_away
from infra.commands.outboxes import Pending, pending_rows
from infra.commands.session import Session
from shared.errors import PayloadTooLarge
from shared.events import Envelope, to_entry

FUNCTION, FAILURES = "RelayFunction", "RelayFailuresUrl"
SWEPT_AFTER = timedelta(minutes=1)
"""A sweep leaves younger rows to the stream."""
_MOST_RUNS = 1_000
_CLOCKS_DIFFER = timedelta(minutes=1)
"""Between the clock that dated a row and the stream's."""


@dataclass(frozen=True)
class Redriven:
    """What a redrive did. `left` are the rows that a sweep takes and the bus does not have."""

    published: int
    notes_removed: int
    notes_left: int
    left: list[dict[str, Any]]


def relay_of(parts: Sequence[Stack], channel: Channel) -> Stack | None:
    """The stack whose relay's failures the channel holds, if it does."""
    return next((stack for stack in parts if stack.outputs.get(FAILURES) == channel.dead), None)


def redrive_relay(
    connected: Session, stack: Stack, channel: Channel, message_ids: Collection[str] = ()
) -> Redriven:
    """Sweeps the stack's outbox for as long as that helps, then removes the notes (all, or those of
    `message_ids`) whose rows are published or gone."""
    before = _due(connected, stack)
    said = _sweep(connected, stack, len(before))
    due = _due(connected, stack)
    kept = {row.id for row in due}
    published = sum(row.id not in kept for row in before)
    # Younger rows are in the stream's hand: no failure, but a note may be about one.
    still = pending_rows(connected, stack, datetime.now(UTC))

    def served(letter: Letter) -> bool:
        if message_ids and letter.message_id not in message_ids:
            return False
        return not any(may_tell_of(letter, row) for row in still)

    removed, remaining = take_away(connected, channel.dead, served)
    return Redriven(published, removed, remaining, [_row(each, said) for each in due])


def may_tell_of(letter: Letter, row: Pending) -> bool:
    """Whether the note may be about this row."""
    first, last = _span(letter)
    written = datetime.fromisoformat(row.created_at)
    return (first is None or written >= first - _CLOCKS_DIFFER) and written <= last + _CLOCKS_DIFFER


def _span(letter: Letter) -> tuple[datetime | None, datetime]:
    """When the records that the note names came into the stream; else (None, when it was written)."""
    batch = letter.event.get("DDBStreamBatchInfo")
    if isinstance(batch, dict):
        names = ("approximateArrivalOfFirstRecord", "approximateArrivalOfLastRecord")
        first, last = (_moment(batch.get(name)) for name in names)
        if first is not None and last is not None:
            return first, last
    return None, letter.sent_at


def _moment(text: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _sweep(connected: Session, stack: Stack, count: int) -> str | None:
    """Runs the outbox's sweep until none of the `count` rows is pending, or a run brings nothing forward.

    Returns what the last run said of its failure.
    """
    function = stack.outputs[FUNCTION]
    client = connected.platform.client("lambda")
    said: str | None = None
    for _ in range(_MOST_RUNS):
        if not count:
            return None
        answer = asking(
            connected,
            "The outbox's sweep cannot be run",
            lambda: client.invoke(FunctionName=function, Payload=json.dumps({"sweep": True}).encode()),
        )
        body = answer["Payload"].read()
        said = _error(body) if answer.get("FunctionError") else None
        left = len(_due(connected, stack))
        if left >= count:
            return said
        count = left
    return said


def _due(connected: Session, stack: Stack) -> list[Pending]:
    """What a sweep takes."""
    return pending_rows(connected, stack, datetime.now(UTC) - SWEPT_AFTER)


def _error(body: bytes) -> str:
    try:
        told = json.loads(body)
    except ValueError:
        told = None
    return str(told.get("errorMessage", "no reason")) if isinstance(told, dict) else "no reason"


def _row(row: Pending, said: str | None) -> dict[str, Any]:
    return {"tenant": row.tenant, "id": row.id, "since": row.created_at, "why": _why(row, said)}


def _why(row: Pending, said: str | None) -> str:
    try:
        to_entry(Envelope.model_validate_json(row.envelope), "")
    except PayloadTooLarge as error:
        return f"too large for the bus: {error.detail}"
    except ValueError as error:
        return f"its row is no event: {str(error).splitlines()[0]}"
    return f"the bus did not take it (see the relay's log): {said or 'it was not reached'}"


def demand_relay(stack: Stack | None, channel: Channel) -> Stack:
    """The stack, or CommandError that says what the queue holds."""
    if stack is None or FUNCTION not in stack.outputs:
        raise CommandError(
            f"{channel.name} holds notes of what was given up, and nothing of this platform takes them back: "
            f"`onyx dlq show {channel.short}` shows them. (A relay deployed by an older version is redriven "
            "after the next deploy.)"
        )
    return stack
