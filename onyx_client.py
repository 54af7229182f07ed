"""Onyx's query engine from Python, one line a frame:

    import onyx_client
    frame = onyx_client.query("SELECT ServiceName, sum(BilledCost) AS Cost FROM charges GROUP BY 1")

ONYX_URL and ONYX_TOKEN say where and as whom, or `url=` and `token=`. Rows come as Arrow, so decimals stay
decimals. Needs polars (`query`) or pandas and pyarrow (`query_pandas`), and nothing else.
"""

import io
import json
import os
import re
import time
import urllib.error
import urllib.request
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas  # type: ignore[import-untyped]  # its stubs are another package
    import polars

__all__ = ["OnyxError", "OnyxNote", "query", "query_pandas"]

TIMEOUT_SECONDS = 900.0
_CALL_SECONDS = 60.0
_FETCH_SECONDS = 300.0
_FIRST_PAUSE, _LONGEST_PAUSE, _GROWTH = 0.1, 3.0, 1.5
_AWAY = frozenset({"WORKER_LOST", "LAKE_UNAVAILABLE", "UNAVAILABLE", ""})
_EXPLAIN = re.compile(r"\s*EXPLAIN\b", re.IGNORECASE)
_TRIES = 4
"""Of a query that a server lost. One that waits for its turn is sent again until the time is up."""


class OnyxError(Exception):
    """A query that was not answered: `code` is stable, `detail` says what to do, `errors` say where."""

    def __init__(self, detail: str, *, code: str, status: int = 0, errors: Any = (), retry_after: float = 1):
        super().__init__(f"{detail} ({code or f'HTTP {status}'})")
        self.detail = detail
        self.code = code
        self.status = status
        self.errors = list(errors)
        self.retry_after = retry_after


class OnyxNote(UserWarning):
    """What the engine says beside its answer."""


def query(
    sql: str,
    *,
    url: str | None = None,
    token: str | None = None,
    as_of: str | None = None,
    timeout: float = TIMEOUT_SECONDS,
) -> "polars.DataFrame":
    """The answer as a Polars frame. Raises OnyxError.

    `as_of` is a date or a time in ISO 8601: what was published then. `timeout` bounds the whole, in
    seconds: a query that takes longer than a response may is run beside and waited for.
    """
    import polars

    answer = _Call(url, token, timeout).answer(sql, as_of)
    if answer.file is not None:
        return polars.read_ipc(io.BytesIO(answer.file))
    return polars.DataFrame(answer.rows, schema=answer.names, orient="row")


def query_pandas(
    sql: str,
    *,
    url: str | None = None,
    token: str | None = None,
    as_of: str | None = None,
    timeout: float = TIMEOUT_SECONDS,
) -> "pandas.DataFrame":
    """The answer as a pandas frame, whose decimals are `decimal.Decimal`; otherwise as `query`."""
    import pandas

    answer = _Call(url, token, timeout).answer(sql, as_of)
    if answer.file is None:
        return pandas.DataFrame(answer.rows, columns=answer.names)
    from pyarrow import ipc

    return ipc.open_file(answer.file).read_all().to_pandas()


@dataclass(frozen=True)
class _Answer:
    """An Arrow file; or rows, of what is answered in the response alone (EXPLAIN)."""

    file: bytes | None
    names: list[str]
    rows: list[list[Any]]


class _Call:
    """One query from its first request to its rows."""

    def __init__(self, url: str | None, token: str | None, timeout: float) -> None:
        self._url = (url or os.environ.get("ONYX_URL") or "").rstrip("/")
        self._token = token or os.environ.get("ONYX_TOKEN") or ""
        if not self._url.startswith(("http://", "https://")):
            raise OnyxError("say where Onyx is: url= or ONYX_URL, as in https://...", code="NO_URL")
        if not self._token:
            raise OnyxError("say who asks: token= or ONYX_TOKEN", code="NO_TOKEN")
        self._deadline = time.monotonic() + timeout
        self._timeout = timeout

    def answer(self, sql: str, as_of: str | None) -> _Answer:
        body = {"sql": sql, "format": "json" if _EXPLAIN.match(sql) else "arrow"}
        body |= {"as_of": as_of} if as_of else {}
        try:
            found = self._sent(body)
        except OnyxError as error:
            if error.code != "QUERY_TIMEOUT":
                raise
            found = self._waited(self._sent(body | {"async": True})["query_id"])
        for note in found.get("notes") or ():
            warnings.warn(note if isinstance(note, str) else json.dumps(note), OnyxNote, stacklevel=4)
        if found.get("file"):
            return _Answer(self._fetched(found["file"]["url"]), [], [])
        names = [each["name"] for each in found.get("columns") or ()]
        return _Answer(None, names, [[row[name] for name in names] for row in found.get("rows") or ()])

    def _sent(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """What a query comes to; again where it had no turn, or where its server was lost."""
        tries = 0
        while True:
            try:
                return self._call("POST", "/v1/query", body)
            except OnyxError as error:
                tries += error.code != "QUERY_BUSY"
                again = error.status == 429 or (error.status == 503 and error.code in _AWAY)
                if not again or tries >= _TRIES or time.monotonic() + error.retry_after > self._deadline:
                    raise
                time.sleep(error.retry_after)

    def _waited(self, query_id: str) -> dict[str, Any]:
        """A query that runs beside, once it is done. It is cancelled where nobody waits any more."""
        path, pause = f"/v1/query/{query_id}", _FIRST_PAUSE
        try:
            while (found := self._call("GET", path))["status"] == "running":
                left = self._deadline - time.monotonic()
                if left <= 0:
                    raise OnyxError(
                        f"not done after {self._timeout:g} s: give it more timeout=, or narrow it down",
                        code="QUERY_TIMEOUT",
                    )
                time.sleep(min(pause, left))
                pause = min(pause * _GROWTH, _LONGEST_PAUSE)
        except BaseException:
            self._cancel(path)
            raise
        if found["status"] != "done":
            code = str(found.get("code") or "INTERNAL")
            raise OnyxError(f"query {query_id} is {found['status']}", code=code)
        return found

    def _cancel(self, path: str) -> None:
        try:
            self._call("DELETE", path)
        except OnyxError:
            return  # it ends by its own time limit

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        text = self._opened(
            urllib.request.Request(self._url + path, data, headers, method=method),  # noqa: S310 - see __init__
            _CALL_SECONDS,
        )
        found: dict[str, Any] = json.loads(text)
        return found

    def _fetched(self, url: str) -> bytes:
        if not url.startswith(("http://", "https://")):
            raise OnyxError("the result has no address that can be fetched", code="NO_RESULT")
        return self._opened(urllib.request.Request(url), _FETCH_SECONDS)  # noqa: S310 - checked above

    def _opened(self, request: urllib.request.Request, seconds: float) -> bytes:
        try:
            with urllib.request.urlopen(request, timeout=seconds) as answer:  # noqa: S310 - checked above
                found: bytes = answer.read()
                return found
        except urllib.error.HTTPError as error:
            with error:
                raise _problem(error) from None
        except (OSError, urllib.error.URLError) as error:
            reason = getattr(error, "reason", None) or error
            raise OnyxError(f"{self._url} does not answer: {reason}", code="UNREACHABLE") from error


def _problem(answer: urllib.error.HTTPError) -> OnyxError:
    """RFC 9457 where Onyx's own code answered; a gateway says less."""
    try:
        body = json.loads(answer.read())
    except ValueError:
        body = {}
    body = body if isinstance(body, dict) else {}
    try:
        retry_after = float(answer.headers.get("Retry-After") or 1)
    except ValueError:
        retry_after = 1.0
    return OnyxError(
        str(body.get("detail") or body.get("message") or answer.reason),
        code=str(body.get("code") or ""),
        status=answer.code,
        errors=body.get("errors") or (),
        retry_after=retry_after,
    )
