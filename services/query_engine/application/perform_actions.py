"""The step of a workflow that asks for a query on the bus, and is answered there."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.query_engine.application.serve_query import Asked, ServeQuery
from shared.actions import ActionFinished, ActionRequested
from shared.errors import OnyxError, PayloadTooLarge, Unprocessable
from shared.events import Envelope
from shared.tenancy import Principal, Role, TenantId

QUERY = "query.run"
MOST_ROWS = 1_000
MOST_BYTES = 150_000
"""Of the rows' JSON: an event carries 256 KB, and the bus quotes what it carries."""
_WORTH_A_RETRY = frozenset({429, 503, 504})


@dataclass(frozen=True)
class PerformActions:
    """Runs what is asked for, as whoever published the workflow: under that user's row policy.

    A query changes nothing, so a request that comes again is simply run again; `tell` records one answer per
    request.
    """

    serve: ServeQuery
    tell: Callable[[TenantId, ActionFinished], None]

    def __call__(self, env: Envelope, event: ActionRequested) -> None:
        try:
            output = self._query(env.tenant, event)
        except OnyxError as error:
            self.tell(env.tenant, _failed(event, error))
        else:
            self.tell(env.tenant, _answer(event, succeeded=True, output=output))

    def _query(self, tenant: TenantId, event: ActionRequested) -> dict[str, Any]:
        if event.action != QUERY:
            raise Unprocessable(f"there is no action {event.action!r} here", code="ACTION_UNKNOWN")
        asked, most = _read(event.input)
        caller = Principal(tenant, event.requested_by, frozenset({Role.VIEWER}))
        answered = self.serve.now(caller, asked, threading.Event())
        if answered.answer.size > MOST_BYTES:
            raise PayloadTooLarge(
                f"the rows take {answered.answer.size} bytes; a step takes {MOST_BYTES}: aggregate, or LIMIT",
                code="RESULT_TOO_LARGE",
            )
        # What the engine gives as a double becomes text: an event holds no float.
        rows = json.loads(answered.answer.rows, parse_float=str)
        return {
            "columns": [column.name for column in answered.answer.columns],
            "rows": rows[:most],
            "row_count": len(rows),
            "truncated": len(rows) > most,
        }


def _read(given: dict[str, Any]) -> tuple[Asked, int]:
    """The query, and how many of its rows are wanted. Raises Unprocessable (ACTION_INPUT)."""
    sql, as_of, most = given.get("sql"), given.get("as_of"), given.get("max_rows", MOST_ROWS)
    if not isinstance(sql, str) or not sql.strip():
        raise Unprocessable("sql: one SELECT, as text", code="ACTION_INPUT")
    if not isinstance(most, int) or not 1 <= most <= MOST_ROWS:
        raise Unprocessable(f"max_rows: 1 to {MOST_ROWS}", code="ACTION_INPUT")
    try:
        moment = datetime.fromisoformat(as_of) if isinstance(as_of, str) else None
    except ValueError as error:
        raise Unprocessable("as_of: a timestamp such as 2026-11-01T00:00:00Z", code="ACTION_INPUT") from error
    if moment is not None and moment.tzinfo is None:
        raise Unprocessable(
            "as_of: a timestamp with its zone, such as 2026-11-01T00:00:00Z", code="ACTION_INPUT"
        )
    return Asked(sql, moment), most


def _failed(event: ActionRequested, error: OnyxError) -> ActionFinished:
    return _answer(
        event,
        succeeded=False,
        error_code=error.code,
        error=error.detail,
        retryable=error.status in _WORTH_A_RETRY,
    )


def _answer(event: ActionRequested, **outcome: Any) -> ActionFinished:
    return ActionFinished(
        action=event.action,
        effect_key=event.effect_key,
        run_id=event.run_id,
        step=event.step,
        attempt=event.attempt,
        **outcome,
    )
