"""The query engine's HTTP routes: parse, call one use case, map the result. Errors are problem documents."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from services.query_engine.application.answer_query import AnswerQuery
from services.query_engine.application.list_tables import ListTables
from services.query_engine.application.read_query import ReadQuery
from services.query_engine.handlers import views
from services.query_engine.handlers.models import MAX_BODY_BYTES, QueryRequest
from shared.errors import (
    BadRequest,
    MethodNotAllowed,
    NotFound,
    OnyxError,
    PayloadTooLarge,
    Unavailable,
    Unprocessable,
    public_problem,
)
from shared.events import findings
from shared.json_text import dumps
from shared.observability import bind_context, clear_context, logger
from shared.tenancy import Principal

_JSON = "application/json"
_PROBLEM = "application/problem+json"


class Callers(Protocol):
    """Who is calling, from the Authorization header."""

    def caller(self, authorization: str | None) -> Principal: ...


@dataclass(frozen=True)
class Services:
    """What the routes are made of. `alive` counts workers; `close` ends them."""

    callers: Callers
    answer_query: AnswerQuery
    list_tables: ListTables
    read_query: ReadQuery
    alive: Callable[[], int]
    close: Callable[[], None]


def create_app(services: Services) -> Starlette:
    """The application. Its shutdown ends the workers."""

    async def health(request: Request) -> Response:
        workers = services.alive()
        if not workers:
            raise Unavailable("no query worker is up")
        return _json(dumps({"status": "ok", "workers": workers}))

    async def query(request: Request) -> Response:
        caller = await _caller(services, request)
        asked = _request(await _body(request))
        answered = await run_in_threadpool(services.answer_query, caller, asked.sql, asked.as_of)
        return _json(views.answer(answered))

    async def tables(request: Request) -> Response:
        caller = await _caller(services, request)
        return _json(dumps(views.tables(await run_in_threadpool(services.list_tables, caller))))

    async def record(request: Request) -> Response:
        caller = await _caller(services, request)
        found = await run_in_threadpool(services.read_query, caller, request.path_params["query_id"])
        return _json(dumps(views.audit(found)))

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        await run_in_threadpool(services.close)

    return Starlette(
        routes=[
            Route("/healthz", _endpoint(health, quiet=True), methods=["GET"]),
            Route("/v1/query", _endpoint(query), methods=["POST"]),
            Route("/v1/query/tables", _endpoint(tables), methods=["GET"]),
            Route("/v1/query/{query_id}", _endpoint(record), methods=["GET"]),
        ],
        exception_handlers={HTTPException: _no_route},
        lifespan=lifespan,
    )


async def _caller(services: Services, request: Request) -> Principal:
    caller = await run_in_threadpool(services.callers.caller, request.headers.get("authorization"))
    bind_context(tenant=caller.tenant, correlation_id=request.headers.get("x-correlation-id"))
    return caller


async def _body(request: Request) -> bytes:
    """The body, read no further than it may be long. Raises PayloadTooLarge."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise PayloadTooLarge(f"a query's body has at most {MAX_BODY_BYTES} bytes")
    return bytes(body)


def _request(body: bytes) -> QueryRequest:
    try:
        return QueryRequest.model_validate_json(body)
    except ValidationError as error:
        if any(each["type"] == "json_invalid" for each in error.errors(include_url=False)):
            raise BadRequest('the body is JSON: {"sql": "SELECT ..."}') from error
        raise Unprocessable("the request is not valid", errors=findings(error)) from error


# --- every route alike ---

_Handler = Callable[[Request], Awaitable[Response]]


def _endpoint(handler: _Handler, *, quiet: bool = False) -> _Handler:
    """One log line per request, one problem document per error."""

    async def endpoint(request: Request) -> Response:
        clear_context()
        started = time.monotonic()
        try:
            response = await handler(request)
        except OnyxError as error:
            if error.status >= 500:
                logger.exception("request failed", code=error.code)
            response = _problem(error, request)
        except ClientDisconnect:
            response = Response(status_code=499)
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets a problem document
            logger.exception("request failed")
            response = _problem(OnyxError(f"{type(error).__name__}: {error}"), request)
        if not quiet:
            logger.info(
                "request",
                method=request.method,
                path=request.url.path,
                status=response.status_code,
                ms=round((time.monotonic() - started) * 1000),
            )
        clear_context()
        return response

    return endpoint


async def _no_route(request: Request, error: Exception) -> Response:
    path = request.url.path
    if isinstance(error, HTTPException) and error.status_code == MethodNotAllowed.status:
        return _problem(MethodNotAllowed(f"{path} does not take {request.method}"), request, error.headers)
    return _problem(NotFound(f"there is no {path}"), request)


def _problem(error: OnyxError, request: Request, headers: Any = None) -> Response:
    found = dict(headers or {})
    if error.retry_after is not None:
        found["Retry-After"] = str(error.retry_after)
    if error.status == 401:
        found["WWW-Authenticate"] = "Bearer"
    document = dumps(public_problem(error, request.url.path))
    return Response(document, error.status, media_type=_PROBLEM, headers=found)


_json = partial(Response, media_type=_JSON)
