"""One URL for all: `/v1/...` is the HTTP API, `/_onyx/...` the platform's own, the rest the AWS endpoint."""

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from infra.local.snapshots import Snapshotter

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

# Operations of JSON services that change nothing worth keeping; so a queue's long polls do not count.
_READS = ("Get", "List", "Describe", "Query", "Scan", "BatchGet", "Receive", "Head", "AdminGet", "AdminList")


def changes_state(scope: Scope) -> bool:
    """Whether a request may change state: when in doubt, it does."""
    if scope["method"] in ("GET", "HEAD", "OPTIONS"):
        return False
    for name, value in scope["headers"]:
        if name.lower() == b"x-amz-target":
            operation = value.decode("latin-1").rpartition(".")[2]
            return not operation.startswith(_READS)
    return True


class FrontDoor:
    """An ASGI application around the emulator's.

    `api_id` yields the id of the HTTP API, or None before it is deployed. `refresh` is called before each
    request, `close` when the server ends.
    """

    def __init__(
        self,
        emulator: Application,
        api_id: Callable[[], str | None],
        snapshots: Snapshotter,
        refresh: Callable[[], None],
        close: Callable[[], Awaitable[None]],
    ) -> None:
        self._emulator = emulator
        self._api_id = api_id
        self._snapshots = snapshots
        self._refresh = refresh
        self._close = close
        self._tasks: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._emulator(scope, receive, self._when_started(send))
            return
        if scope["type"] == "http":
            path: str = scope["path"]
            if path.startswith("/_onyx/"):
                await self._own(path, scope["method"], send)
                return
            self._refresh()
            if changes_state(scope):
                self._snapshots.touch()
            if path == "/v1" or path.startswith("/v1/"):
                identifier = self._api_id()
                if identifier is None:
                    await _answer(send, 503, {"message": "the HTTP API is not deployed yet"})
                    return
                scope = _to_api(scope, identifier)
        await self._emulator(scope, receive, send)

    def _when_started(self, send: Send) -> Send:
        async def watching(message: Message) -> None:
            if message["type"] == "lifespan.startup.complete":
                task = asyncio.create_task(self._snapshots.run())
                self._tasks.add(task)
            elif message["type"] == "lifespan.shutdown.complete":
                for task in self._tasks:
                    task.cancel()
                await self._close()
            await send(message)

        return watching

    async def _own(self, path: str, method: str, send: Send) -> None:
        if path == "/_onyx/health" and method == "GET":
            error = self._snapshots.last_error
            await _answer(send, 200, {"snapshots": self._snapshots.taken, "snapshot_error": error})
        elif path == "/_onyx/snapshot" and method == "POST":
            written = await self._snapshots.take()
            await _answer(send, 200 if written else 500, {"written": written})
        else:
            await _answer(send, 404, {"message": "not found"})


def _to_api(scope: Scope, identifier: str) -> Scope:
    prefix = f"/_aws/execute-api/{identifier}/$default"
    raw = scope.get("raw_path") or scope["path"].encode()
    return {**scope, "path": prefix + scope["path"], "raw_path": prefix.encode() + raw}


async def _answer(send: Send, status: int, body: dict[str, Any]) -> None:
    content = json.dumps(body).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
