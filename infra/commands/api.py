"""The HTTP API as the commands call it: problems become one clear line."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import httpx

from infra.commands.errors import CommandError

TIMEOUT_SECONDS = 60.0
RESTART_SECONDS = 15.0
"""How long an answer of 503 is borne: a service that died is back within this time."""
Params = list[tuple[str, str | int | float | bool | None]]


class ApiError(CommandError):
    """An answer that is no success. `code` is the problem's stable code."""

    def __init__(self, message: str, *, status: int, code: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class Api:
    """`token(fresh)` gives a bearer token; `fresh` asks for one that did not come from a cache."""

    def __init__(
        self,
        url: str,
        token: Callable[[bool], str],
        *,
        unreachable: str,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._token = token
        self._unreachable = unreachable
        self._http = httpx.Client(base_url=url, timeout=TIMEOUT_SECONDS, transport=transport, trust_env=False)

    def get(self, path: str, params: Params | None = None) -> dict[str, Any]:
        return self._call("GET", path, params=params)

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return self._call("POST", path, body=body)

    def put(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return self._call("PUT", path, body=body)

    def delete(self, path: str, params: Params | None = None) -> dict[str, Any]:
        return self._call("DELETE", path, params=params)

    def rows(self, path: str, params: Params | None = None) -> list[dict[str, Any]]:
        """All rows of a list, page by page."""
        return list(self._pages(path, params or []))

    def _pages(self, path: str, params: Params) -> Iterator[dict[str, Any]]:
        cursor: str | None = None
        while True:
            page = self.get(path, [*params, ("cursor", cursor)] if cursor else params)
            yield from page["rows"]
            cursor = page.get("cursor")
            if not cursor:
                return

    def _call(
        self, method: str, path: str, *, params: Params | None = None, body: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        answer = self._send(method, path, params, body, self._token(False))
        deadline = time.monotonic() + RESTART_SECONDS
        while _is_away(answer) and time.monotonic() < deadline:
            time.sleep(float(answer.headers.get("retry-after", 1)))
            answer = self._send(method, path, params, body, self._token(False))
        if answer.status_code == httpx.codes.UNAUTHORIZED:  # the pool is a new one, or the token was revoked
            answer = self._send(method, path, params, body, self._token(True))
        if answer.is_success:
            found = answer.json()
            if isinstance(found, dict):
                return found
        raise _problem(answer)

    def _send(
        self,
        method: str,
        path: str,
        params: Params | None,
        body: Mapping[str, Any] | None,
        token: str,
    ) -> httpx.Response:
        try:
            return self._http.request(
                method,
                path,
                params=httpx.QueryParams(params) if params else None,
                json=body,
                headers={"authorization": f"Bearer {token}"},
            )
        except httpx.ConnectError:
            raise CommandError(self._unreachable) from None
        except httpx.TimeoutException:
            raise CommandError(f"{method} {path}: no answer within {TIMEOUT_SECONDS:g} s.") from None
        except httpx.TransportError as error:
            raise CommandError(f"{method} {path}: {error or type(error).__name__}") from None


def _is_away(answer: httpx.Response) -> bool:
    """Whether the gateway found nobody to ask, so that asking again is safe: our own code never saw it."""
    own = answer.headers.get("content-type", "").startswith("application/problem+json")
    return answer.status_code == httpx.codes.SERVICE_UNAVAILABLE and not own


def _problem(answer: httpx.Response) -> ApiError:
    """RFC 9457 when our own code answered; the gateway's own refusals carry only `message`."""
    try:
        body = answer.json()
    except ValueError:
        body = None
    body = body if isinstance(body, dict) else {}
    text = str(body.get("detail") or body.get("message") or body.get("title") or answer.reason_phrase)
    code = str(body.get("code") or "")
    if answer.status_code == httpx.codes.UNAUTHORIZED and not code:  # the gateway says no more than its title
        text = "The token was refused: it has expired, or is of another platform."
    # A finding whose message the detail repeats says nothing new.
    found = [item for item in body.get("errors") or [] if isinstance(item, dict)]
    fields = [_finding(item) for item in found if str(item.get("message", "\n")).rstrip(".") not in text]
    message = " ".join([f"{text.rstrip('.')}:" if fields else text, *fields])
    where = code or f"HTTP {answer.status_code}"
    return ApiError(f"{message} ({where})", status=answer.status_code, code=code)


def _finding(item: Mapping[str, Any]) -> str:
    """`query.limit` and `body.limit` are what a command calls limit."""
    if item.get("field") and item.get("message"):
        name = str(item["field"]).removeprefix("query.").removeprefix("body.")
        return f"{name}: {item['message']}."
    return "[" + ", ".join(f"{key}: {value}" for key, value in item.items()) + "]"
