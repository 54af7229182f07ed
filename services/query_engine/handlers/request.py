"""A request as the routes take it: its body, and whether anybody still waits for the answer."""

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

import anyio
from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect, Request

from services.query_engine.application.serve_query import Asked
from services.query_engine.domain.answers import Format
from services.query_engine.domain.errors import QUERY_CANCELLED
from services.query_engine.handlers.models import MAX_BODY_BYTES, QueryRequest
from shared.errors import BadRequest, OnyxError, PayloadTooLarge, Unprocessable
from shared.events import findings

_DRAINED = 16 * 1024 * 1024
"""More than the gateway passes on. A client that still sends does not read what it is told."""

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)


async def body_of(request: Request) -> bytes:
    """The body, kept no further than it may be long. Raises PayloadTooLarge."""
    body, size = bytearray(), 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= MAX_BODY_BYTES:
            body += chunk
        elif size > _DRAINED:
            break
    if size > MAX_BODY_BYTES:
        raise PayloadTooLarge(f"a query's body has at most {MAX_BODY_BYTES} bytes")
    return bytes(body)


async def model_of(request: Request, model: type[M], like: str = "{...}") -> M:
    """The body as `model` has it. Raises BadRequest and Unprocessable."""
    try:
        return model.model_validate_json(await body_of(request))
    except ValidationError as error:
        if any(each["type"] == "json_invalid" for each in error.errors(include_url=False)):
            raise BadRequest(f"the body is JSON: {like}") from error
        found_wrong = [{**each, "field": f"body.{each['field']}".rstrip(".")} for each in findings(error)]
        raise Unprocessable("the request is not valid", errors=found_wrong) from error


async def query_of(request: Request) -> tuple[Asked, bool]:
    """What is asked, and whether the answer is fetched later. Raises BadRequest and Unprocessable."""
    found = await model_of(request, QueryRequest, '{"sql": "SELECT ..."}')
    preferred = {each.strip().lower() for each in request.headers.get("prefer", "").split(",")}
    later = found.run_async or "respond-async" in preferred
    return Asked(found.sql, found.as_of, Format(found.format)), later


async def while_connected(
    request: Request, limiter: anyio.CapacityLimiter, work: Callable[[threading.Event], T]
) -> T:
    """What `work` returns. Its event is set when the client leaves; then ClientDisconnect is raised."""
    stop = threading.Event()

    async def watch() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass
        stop.set()

    watching = asyncio.create_task(watch())
    try:
        return await anyio.to_thread.run_sync(work, stop, limiter=limiter)
    except OnyxError as error:
        if stop.is_set() and watching.done() and error.code == QUERY_CANCELLED:
            raise ClientDisconnect from error
        raise
    finally:
        watching.cancel()
