"""The stable codes of a query that is refused or fails, and how each is raised.

A refusal is the caller's to mend, so it says where (line and column, counted from 1) and what to do.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.clock import iso
from shared.errors import (
    BadRequest,
    Conflict,
    OnyxError,
    Timeout,
    TooManyRequests,
    Unavailable,
    Unprocessable,
)

SQL_SYNTAX = "SQL_SYNTAX"
SQL_NOT_SELECT = "SQL_NOT_SELECT"
SQL_MULTIPLE_STATEMENTS = "SQL_MULTIPLE_STATEMENTS"
SQL_TOO_COMPLEX = "SQL_TOO_COMPLEX"
UNKNOWN_TABLE = "UNKNOWN_TABLE"
UNKNOWN_COLUMN = "UNKNOWN_COLUMN"
AMBIGUOUS_COLUMN = "AMBIGUOUS_COLUMN"
UNSUPPORTED_FUNCTION = "UNSUPPORTED_FUNCTION"
UNSUPPORTED_SQL = "UNSUPPORTED_SQL"
TYPE_MISMATCH = "TYPE_MISMATCH"
NOT_GROUPED = "NOT_GROUPED"
DIVISION_BY_ZERO = "DIVISION_BY_ZERO"
NUMERIC_OVERFLOW = "NUMERIC_OVERFLOW"
INVALID_CAST = "INVALID_CAST"
INVALID_PATTERN = "INVALID_PATTERN"
INVALID_ARGUMENT = "INVALID_ARGUMENT"
SUBQUERY_ROWS = "SUBQUERY_ROWS"
RESULT_TOO_LARGE = "RESULT_TOO_LARGE"
QUERY_TOO_LARGE = "QUERY_TOO_LARGE"
QUERY_TIMEOUT = "QUERY_TIMEOUT"
QUERY_MEMORY = "QUERY_MEMORY"
QUERY_BUSY = "QUERY_BUSY"
QUERY_CANCELLED = "QUERY_CANCELLED"
WORKER_LOST = "WORKER_LOST"
LAKE_UNAVAILABLE = "LAKE_UNAVAILABLE"
LAKE_INCONSISTENT = "LAKE_INCONSISTENT"
ENGINE_FAILED = "ENGINE_FAILED"
UNSAFE_PATH = "UNSAFE_PATH"
AS_OF_NOT_KEPT = "AS_OF_NOT_KEPT"
AS_OF_IN_FUTURE = "AS_OF_IN_FUTURE"
ROW_POLICY = "ROW_POLICY"

_MOST = 400
"""Characters of what is told, before where it is and what is like it."""


@dataclass(frozen=True)
class Position:
    """A place in the query's text; both counted from 1."""

    line: int
    column: int

    @staticmethod
    def of(text: str, offset: int) -> "Position":
        """The position of the character at `offset`."""
        before = text[:offset]
        return Position(before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1)


def refuse(
    code: str, detail: str, *, at: Position | None = None, token: str | None = None, near: Sequence[str] = ()
) -> BadRequest:
    """A refusal of the query's text; `near` are known names like the one that is not known."""
    detail, token = _short(detail), None if token is None else _short(token)
    where = f" (line {at.line}, column {at.column})" if at else ""
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    finding: dict[str, Any] = {"message": detail}
    if at:
        finding |= {"line": at.line, "column": at.column}
    if token is not None:
        finding["token"] = token
    if near:
        finding["nearest"] = list(near)
    return BadRequest(f"{detail}{where}.{hint}", code=code, errors=[finding])


def _short(text: str) -> str:
    """A name can be as long as a query: what is said of it cannot."""
    return text if len(text) <= _MOST else f"{text[: _MOST // 2]} ... {text[-_MOST // 2 :]}"


def not_kept(moment: datetime, bill_id: str, nearest: Sequence[datetime]) -> BadRequest:
    """What was published at `moment` cannot be read any more; `nearest` are moments of which all can be."""
    near = [iso(each) for each in nearest]
    finding = {"message": f"the set of {bill_id} of that moment is gone", "bill_id": bill_id, "nearest": near}
    return BadRequest(
        f"What was published at {iso(moment)} is no longer kept. Nearest moments that are: {', '.join(near)}",
        code=AS_OF_NOT_KEPT,
        errors=[finding],
    )


def unsupported(detail: str) -> BadRequest:
    """SQL that this engine declines rather than answer wrongly."""
    return refuse(UNSUPPORTED_SQL, detail)


# What an engine or the pool around it can report, by code: with which class it reaches the caller.
_FAILURES: dict[str, type[OnyxError]] = {
    UNSUPPORTED_SQL: BadRequest,
    TYPE_MISMATCH: BadRequest,
    DIVISION_BY_ZERO: Unprocessable,
    NUMERIC_OVERFLOW: Unprocessable,
    INVALID_CAST: Unprocessable,
    INVALID_PATTERN: Unprocessable,
    INVALID_ARGUMENT: Unprocessable,
    SUBQUERY_ROWS: Unprocessable,
    RESULT_TOO_LARGE: Unprocessable,
    QUERY_TOO_LARGE: Unprocessable,
    QUERY_MEMORY: Unprocessable,
    QUERY_TIMEOUT: Timeout,
    QUERY_BUSY: TooManyRequests,
    QUERY_CANCELLED: Conflict,
    WORKER_LOST: Unavailable,
    LAKE_UNAVAILABLE: Unavailable,
    LAKE_INCONSISTENT: OnyxError,
    ENGINE_FAILED: OnyxError,
}


def failure(code: str, detail: str, *, retry_after: int | None = None) -> OnyxError:
    """The error of a query that was accepted and could not be answered."""
    return _FAILURES[code](detail, code=code, retry_after=retry_after)
