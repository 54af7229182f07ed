"""Forwarding to tasks: in turn, whole, and with API Gateway's own errors."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from infra.local.private_integrations import PrivateProxy, Response, Targets
from infra.local.state import write_json
from infra.local.tasks import free_port

URI = "arn:aws:servicediscovery:us-east-1:000000000000:service/srv-1"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def ask(
    tmp_path: Path, handler: Handler, *, dead: bool = False, seconds: float = 5, **request: Any
) -> Response:
    """One request through the proxy to a server with `handler`; `dead`: after a task that is gone."""

    async def scenario() -> Response:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", handler)
        runner = web.AppRunner(application)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        assert site._server
        port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
        alive = f"http://127.0.0.1:{port}"
        bases = [f"http://127.0.0.1:{free_port()}", alive] if dead else [alive]
        write_json(tmp_path / "targets.json", {URI: bases})
        proxy = PrivateProxy(Targets(tmp_path / "targets.json"))
        defaults: dict[str, Any] = {"path": "/v1/x", "method": "GET", "headers": {}, "body": b"", "query": {}}
        integration = {"integrationUri": URI, "timeoutInMillis": seconds * 1000}
        try:
            return await proxy.forward(integration, **(defaults | request))
        finally:
            if proxy._session:
                await proxy._session.close()
            await runner.cleanup()

    return asyncio.run(scenario())


async def mirror(request: web.Request) -> web.Response:
    body = {
        "path": request.raw_path,
        "method": request.method,
        "host": request.headers.get("host"),
        "headers": dict(request.headers),
        "body": (await request.read()).decode(),
    }
    return web.json_response(body, status=422, content_type="application/problem+json", headers={"etag": "x"})


def test_a_request_arrives_whole_and_its_answer_comes_back_whole(tmp_path: Path) -> None:
    status, headers, body = ask(
        tmp_path,
        mirror,
        path="/v1/a b/ü",
        method="POST",
        headers={"authorization": "Bearer t", "host": "onyx", "connection": "close"},
        body=b"12",
        query={"x": ["1", "2"], "y": "ä"},
    )
    seen = json.loads(body)
    assert status == 422
    kept = {name.lower(): value for name, value in headers.items()}
    assert kept["content-type"].startswith("application/problem+json")
    assert kept["etag"] == "x"
    assert seen["path"] == "/v1/a%20b/%C3%BC?x=1&x=2&y=%C3%A4"
    assert (seen["method"], seen["body"]) == ("POST", "12")
    assert seen["headers"]["Authorization"] == "Bearer t"
    assert seen["host"] != "onyx"


def test_a_dead_task_is_passed_over(tmp_path: Path) -> None:
    assert ask(tmp_path, mirror, dead=True)[0] == 422


def test_a_slow_task_is_a_504(tmp_path: Path) -> None:
    async def slow(request: web.Request) -> web.Response:
        await asyncio.sleep(5)
        return web.Response()

    assert ask(tmp_path, slow, seconds=0.1)[0] == 504


def test_a_task_that_hangs_up_is_a_503(tmp_path: Path) -> None:
    async def hang_up(request: web.Request) -> web.Response:
        assert request.transport
        request.transport.close()
        return web.Response()

    assert ask(tmp_path, hang_up)[0] == 503


def test_no_task_is_a_503(tmp_path: Path) -> None:
    proxy = PrivateProxy(Targets(tmp_path / "none.json"))
    status, _, body = asyncio.run(proxy.forward({"integrationUri": URI}, "/", "GET", {}, b"", {}))
    assert (status, json.loads(body)) == (503, {"message": "Service Unavailable"})


def test_targets_take_turns_and_follow_the_file(tmp_path: Path) -> None:
    path = tmp_path / "targets.json"
    targets = Targets(path)
    assert targets.of(URI) == []
    write_json(path, {URI: ["a", "b"]})
    assert {tuple(targets.of(URI)) for _ in range(4)} == {("a", "b"), ("b", "a")}
    write_json(path, {URI: ["c"]})
    assert targets.of(URI) == ["c"]
    assert targets.of("other") == []
    path.unlink()
    assert targets.of(URI) == []


@pytest.mark.parametrize("number", range(1, 5))
def test_every_target_is_first_equally_often(tmp_path: Path, number: int) -> None:
    names = [str(one) for one in range(number)]
    write_json(tmp_path / "targets.json", {URI: names})
    targets = Targets(tmp_path / "targets.json")
    firsts = [targets.of(URI)[0] for _ in range(number * 3)]
    assert {name: firsts.count(name) for name in names} == dict.fromkeys(names, 3)
