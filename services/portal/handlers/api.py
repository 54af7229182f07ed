"""What needs no token: is it up, the contract, and the contract for people."""

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.types import OpenAPIResponse
from pydantic import BaseModel, Field

from services.portal.application.docs_page import docs_page
from shared.clock import SystemClock
from shared.config import Settings, load_settings
from shared.http import api, lambda_handler, public
from shared.json_text import moment

# Written by `python -m infra.openapi`, checked in, and packaged with this function.
OPENAPI = Path(__file__).parents[1] / "openapi.json"
_CACHED = {"Cache-Control": "public, max-age=300"}
_PAGE_HEADERS = {
    **_CACHED,
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}

app = api("portal", title="Portal")
clock = SystemClock()


class PortalSettings(Settings):
    onyx_env: str


class Health(BaseModel):
    status: str = Field(examples=["ok"])
    version: str = Field(examples=["0.1.0"])
    env: str = Field(examples=["dev"])
    time: str = Field(examples=["2026-11-20T09:00:00Z"])


def _content(description: str, content_type: str, kind: str) -> OpenAPIResponse:
    return {"description": description, "content": {content_type: {"schema": {"type": kind}}}}


@lru_cache(maxsize=1)
def document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(OPENAPI.read_text(encoding="utf-8"))
    return found


@lru_cache(maxsize=1)
def page() -> str:
    return docs_page(document())


@app.get("/v1/health", summary="Is Onyx up")
@public
def health() -> Health:
    return Health(
        status="ok",
        version=document()["info"]["version"],
        env=load_settings(PortalSettings).onyx_env,
        time=moment(clock.now()),
    )


@app.get(
    "/v1/openapi.json",
    summary="The API as OpenAPI 3.1",
    responses={200: _content("An OpenAPI document", "application/json", "object")},
)
@public
def openapi() -> Response[Any]:
    text = OPENAPI.read_text(encoding="utf-8")
    return Response(status_code=200, content_type="application/json", body=text, headers=dict(_CACHED))


@app.get(
    "/v1/docs",
    summary="The API as a page",
    responses={200: _content("An HTML page", "text/html", "string")},
)
@public
def docs() -> Response[Any]:
    return Response(
        status_code=200, content_type="text/html; charset=utf-8", body=page(), headers=dict(_PAGE_HEADERS)
    )


handler = lambda_handler(app)
