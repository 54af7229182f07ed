"""The query engine over HTTP, asked with the caller's own token: it sees what the caller may see, and no
more."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import urllib3

from shared.clock import iso
from shared.errors import (
    BadRequest,
    Forbidden,
    NotFound,
    OnyxError,
    PayloadTooLarge,
    Timeout,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
    Unprocessable,
)

PATH = "/v1/query"
_SECONDS = 28.0
_BY_STATUS: Mapping[int, type[OnyxError]] = {
    kind.status: kind
    for kind in (
        BadRequest,
        Unauthenticated,
        Forbidden,
        NotFound,
        PayloadTooLarge,
        Unprocessable,
        TooManyRequests,
        Unavailable,
        Timeout,
    )
}


class HttpQueryEngine:
    """`POST {base}/v1/query`."""

    def __init__(self, base_url: str, pool: urllib3.PoolManager | None = None) -> None:
        self._url = base_url.rstrip("/") + PATH
        self._pool = pool or urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(total=_SECONDS))

    def query(
        self, sql: str, authorization: str, as_of: datetime | None = None
    ) -> Sequence[Mapping[str, Any]]:
        """The rows of one SELECT. Raises the engine's own error, Unavailable or Timeout."""
        asked = {"sql": sql} | ({} if as_of is None else {"as_of": iso(as_of)})
        try:
            answer = self._pool.request(
                "POST",
                self._url,
                body=json.dumps(asked).encode(),
                headers={"Authorization": authorization, "Content-Type": "application/json"},
            )
        except urllib3.exceptions.ReadTimeoutError as error:
            raise Timeout("the query engine did not answer in time", code="QUERY_TIMEOUT") from error
        except urllib3.exceptions.HTTPError as error:
            raise Unavailable("the query engine cannot be reached", code="QUERY_UNAVAILABLE") from error
        document = _document(answer.data)
        if answer.status != 200:
            raise _error(answer.status, document, answer.headers.get("Retry-After"))
        rows = document.get("rows")
        if not isinstance(rows, list):
            raise Unavailable("the query engine answered without rows", code="QUERY_UNAVAILABLE")
        return rows


def _document(body: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(body, parse_float=str)
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _error(status: int, problem: Mapping[str, Any], retry_after: str | None) -> OnyxError:
    """The engine's problem document as the error that it was; a gateway's own 5xx is Unavailable."""
    kind = _BY_STATUS.get(status, Unavailable)
    code = problem.get("code")
    return kind(
        str(problem.get("detail") or f"the query engine answered {status}"),
        code=str(code) if code else None,
        errors=problem.get("errors") or None,
        retry_after=int(retry_after) if retry_after and retry_after.isdigit() else None,
    )
