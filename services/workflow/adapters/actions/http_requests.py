"""`http.get` and `http.send`."""

import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.workflow.adapters.actions.addresses import Target, target
from services.workflow.adapters.actions.http_client import Answer, HttpClient
from services.workflow.domain.runtime_ports import ActionCall, ActionFailed, Credential, Credentials
from shared.json_text import dumps

_ALLOWED = frozenset(
    {
        "accept",
        "accept-language",
        "content-type",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "prefer",
    }
)
"""Request headers that a step may set, and any that begins with `x-` but for those of proxies and AWS."""
_REFUSED_PREFIXES = ("x-forwarded", "x-amz", "x-aws", "x-real-ip", "x-original", "x-rewrite", "x-http-method")
_HEADER_NAME = re.compile(r"[A-Za-z0-9-]{1,100}")
_HEADER_VALUE = re.compile(r"[ -~]{0,4000}")
_NOT_KEPT = frozenset({"set-cookie", "www-authenticate", "proxy-authenticate"})
_TRY_AGAIN = frozenset({408, 425, 429, 503})
"""Statuses of servers that did nothing, and may later."""
_SHOWN = 200


@dataclass(frozen=True)
class HttpAction:
    """Both actions; `sends` is false where the method is GET and there is no body."""

    client: HttpClient
    credentials: Credentials
    sends: bool

    def do(self, call: ActionCall) -> Mapping[str, Any]:
        ends = time.monotonic() + call.seconds
        given = call.input
        to = target(str(given["url"]), given.get("query"), self.client.allowed)
        credential = None
        headers = checked(given.get("headers") or {})
        body = None
        if self.sends:
            headers["Idempotency-Key"] = call.effect_key
            if given.get("body") is not None:
                headers.setdefault("Content-Type", "application/json")
                body = _body(given["body"], headers["Content-Type"])
        if call.credential is not None:
            credential = self.credentials.get(call.tenant, call.credential)
            headers |= credential_headers(credential, to)
        method = str(given.get("method") or "POST") if self.sends else "GET"
        answer = self.client.request(method, to, with_defaults(headers), body, ends)
        return judged(answer, to, () if credential is None else credential.secrets())

    def search(self, call: ActionCall) -> Mapping[str, Any] | None:
        return None  # no receiver can be searched without knowing what it is


def with_defaults(headers: Mapping[str, str]) -> dict[str, str]:
    return {"User-Agent": "Onyx-Workflow", "Accept": "application/json, text/*;q=0.9, */*;q=0.1", **headers}


def checked(headers: Mapping[str, Any]) -> dict[str, str]:
    """The step's own headers, in Train-Case. Raises ActionFailed (HEADER_REFUSED)."""
    found = {}
    for name, value in headers.items():
        lower = name.lower()
        allowed = lower in _ALLOWED or (lower.startswith("x-") and not lower.startswith(_REFUSED_PREFIXES))
        if not _HEADER_NAME.fullmatch(name) or not allowed:
            raise ActionFailed("HEADER_REFUSED", f"a step may not set the header {name[:60]!r}")
        if not isinstance(value, str | int) or not _HEADER_VALUE.fullmatch(str(value)):
            raise ActionFailed("HEADER_REFUSED", f"the value of the header {name} is no line of ASCII text")
        found[name.title()] = str(value)
    return found


def credential_headers(credential: Credential, to: Target) -> Mapping[str, str]:
    """What the host may see, and no other. Raises ActionFailed (CREDENTIAL_HOST)."""
    if credential.host.lower() not in (to.place, f"{to.host}:{to.port}"):
        raise ActionFailed("CREDENTIAL_HOST", f"the credential is not for {to.place}")
    return credential.headers


def judged(answer: Answer, to: Target, secrets: Sequence[str]) -> Mapping[str, Any]:
    """The action's output. Raises ActionFailed for every status that is no success."""
    output = {
        "status": answer.status,
        "headers": {name: value for name, value in answer.headers.items() if name not in _NOT_KEPT},
        "body": _parsed(answer),
    }
    clean: Mapping[str, Any] = scrubbed(output, secrets)
    if 200 <= answer.status < 300 or answer.status == 304:
        return clean
    said = clean["body"] if isinstance(clean["body"], str) else dumps(clean["body"])
    message = f"{to.host} answered {answer.status}: {said[:_SHOWN]}"
    if 300 <= answer.status < 400:
        raise ActionFailed(
            "REDIRECT_REFUSED", f"{to.host} answered {answer.status}; redirects are not followed"
        )
    again = answer.status in _TRY_AGAIN
    server = answer.status >= 500
    raise ActionFailed(
        f"HTTP_{answer.status}",
        message,
        retryable=again or server,
        # A server or gateway that broke may have done it before it broke.
        unknown=server and not again,
        retry_after=_seconds(answer.headers.get("retry-after", "")),
    )


def scrubbed(value: Any, secrets: Sequence[str]) -> Any:
    """`value` without the texts that a provider may have echoed."""
    match value:
        case str():
            for each in secrets:
                value = value.replace(each, "***")
            return value
        case Mapping():
            return {scrubbed(name, secrets): scrubbed(each, secrets) for name, each in value.items()}
        case list() | tuple():
            return [scrubbed(each, secrets) for each in value]
        case _:
            return value


def _parsed(answer: Answer) -> Any:
    """JSON where it is, else text. A number with a point is text: it stays exact."""
    if "json" in answer.headers.get("content-type", ""):
        try:
            return json.loads(answer.body, parse_float=str, parse_constant=str)
        except (ValueError, RecursionError):
            pass  # it is not what it says
    return answer.body.decode("utf-8", errors="replace")


def _body(body: Any, content_type: str) -> bytes:
    if isinstance(body, str) and "json" not in content_type:
        return body.encode()
    return dumps(body).encode()


def _seconds(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else None
