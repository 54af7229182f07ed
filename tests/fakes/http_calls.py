"""Calls of a domain's HTTP function as API Gateway (payload 2.0) makes them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

Query = Mapping[str, str | int | list[str]]


@dataclass(frozen=True)
class Answer:
    """What the function answered; header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: Any


def http_event(
    method: str,
    path: str,
    *,
    query: Query | None = None,
    body: Any = None,
    claims: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The event of a request. `claims` are the token's (None: no token); a str body goes as it is."""
    raw = urlencode(query or {}, doseq=True)
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": f"ANY {path}",
        "rawPath": path,
        "rawQueryString": raw,
        "headers": {"content-type": "application/json", **(headers or {})},
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "api",
            "requestId": "request-1",
            "stage": "$default",
            "http": {"method": method, "path": path, "sourceIp": "127.0.0.1", "protocol": "HTTP/1.1"},
        },
        "isBase64Encoded": False,
    }
    if claims is not None:
        event["requestContext"]["authorizer"] = {"jwt": {"claims": dict(claims), "scopes": None}}
    if query:
        event["queryStringParameters"] = {
            name: ",".join(value) if isinstance(value, list) else str(value) for name, value in query.items()
        }
    if body is not None:
        event["body"] = body if isinstance(body, str) else json.dumps(body)
    return event


def token_claims(tenant: str = "acme", roles: str = "viewer", subject: str = "user-1") -> dict[str, str]:
    """The claims of a valid token."""
    return {"sub": subject, "tenant": tenant, "roles": roles}


def call(handler: Any, method: str, path: str, **request: Any) -> Answer:
    """Call the function (a Lambda handler, or a resolver) and read its answer (see `http_event`)."""
    event = http_event(method, path, **request)
    answer = handler.resolve(event, None) if hasattr(handler, "resolve") else handler(event, None)
    headers = {name.lower(): value for name, value in answer["headers"].items()}
    body = answer["body"]
    return Answer(
        answer["statusCode"], headers, json.loads(body) if "json" in headers.get("content-type", "") else body
    )
