"""The query engine's HTTP routes: parse, call one use case, map the result. Errors are problem documents."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, Protocol

import anyio
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from services.query_engine.application.list_tables import ListTables
from services.query_engine.application.manage_policies import ManagePolicies
from services.query_engine.application.read_query import CancelQuery, FetchResult
from services.query_engine.application.serve_query import ServeQuery
from services.query_engine.handlers import views
from services.query_engine.handlers.policies import policy_routes
from services.query_engine.handlers.request import query_of, while_connected
from shared.errors import (
    MethodNotAllowed,
    NotFound,
    OnyxError,
    Unavailable,
    public_problem,
)
from shared.json_text import dumps
from shared.observability import bind_context, clear_context, logger
from shared.tenancy import Principal

_JSON = "application/json"
_PROBLEM = "application/problem+json"


class Callers(Protocol):
    """Who is calling, from the Authorization header."""

    def caller(self, authorization: str | None) -> Principal: ...

    def known(self, authorization: str | None) -> Principal | None:
        """The same where that needs no waiting."""
        ...


@dataclass(frozen=True)
class Services:
    """What the routes are made of. `threads` is how many queries there may be at all, in work and waiting;
    `alive` counts workers; `close` ends them."""

    callers: Callers
    serve_query: ServeQuery
    list_tables: ListTables
    fetch_result: FetchResult
    cancel_query: CancelQuery
    manage_policies: ManagePolicies
    threads: int
    alive: Callable[[], int]
    close: Callable[[], None]


def create_app(services: Services) -> Starlette:
    """The application. Its shutdown ends the workers."""

    @cache
    def queries() -> anyio.CapacityLimiter:
        """Threads of their own: queries that wait hold up no other route."""
        return anyio.CapacityLimiter(services.threads)

    async def health(request: Request) -> Response:
        workers = services.alive()
        if not workers:
            raise Unavailable("no query worker is up")
        return _json(dumps({"status": "ok", "workers": workers}))

    async def query(request: Request) -> Response:
        caller = await _caller(services, request)
        asked, later = await query_of(request)
        if later:
            record = await run_in_threadpool(services.serve_query.later, caller, asked)
            headers = {"Location": f"/v1/query/{record.query_id}", "Preference-Applied": "respond-async"}
            return _json(dumps(views.audit(record)), 202, headers=headers)
        work = partial(services.serve_query.now, caller, asked)
        answered = await while_connected(request, queries(), work)
        stored = None
        if answered.record.stored:
            stored = await run_in_threadpool(services.fetch_result.file, caller.tenant, answered.record)
        return _json(views.answer(answered, stored))

    async def tables(request: Request) -> Response:
        caller = await _caller(services, request)
        return _json(dumps(views.tables(await run_in_threadpool(services.list_tables, caller))))

    async def result(request: Request) -> Response:
        caller = await _caller(services, request)
        found = await run_in_threadpool(services.fetch_result, caller, request.path_params["query_id"])
        return _json(views.state(found))

    async def cancel(request: Request) -> Response:
        caller = await _caller(services, request)
        record = await run_in_threadpool(services.cancel_query, caller, request.path_params["query_id"])
        return _json(dumps(views.audit(record)))

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        await run_in_threadpool(services.close)

    return Starlette(
        routes=[
            Route("/healthz", _endpoint(health, quiet=True), methods=["GET"]),
            Route("/v1/query", _endpoint(query), methods=["POST"]),
            Route("/v1/query/tables", _endpoint(tables), methods=["GET"]),
            *(
                Route(path, _endpoint(handler), methods=[method])
                for path, method, handler in policy_routes(
                    services.manage_policies, partial(_caller, services)
                )
            ),
            Route("/v1/query/{query_id}", _endpoint(result), methods=["GET"]),
            Route("/v1/query/{query_id}", _endpoint(cancel), methods=["DELETE"]),
        ],
        exception_handlers={HTTPException: _no_route},
        lifespan=lifespan,
    )


async def _caller(services: Services, request: Request) -> Principal:
    header = request.headers.get("authorization")
    # A thread for nothing costs as much as the rest of the route.
    caller = services.callers.known(header)
    if caller is None:
        caller = await run_in_threadpool(services.callers.caller, header)
    bind_context(tenant=caller.tenant, correlation_id=request.headers.get("x-correlation-id"))
    return caller


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
