"""Which request goes where, and which is worth a snapshot."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from infra.local.front_door import FrontDoor, changes_state
from infra.local.snapshots import Snapshotter


def scope(path: str, method: str = "GET", headers: list[tuple[bytes, bytes]] | None = None) -> dict[str, Any]:
    raw = path.encode()
    return {"type": "http", "path": path, "raw_path": raw, "method": method, "headers": headers or []}


@pytest.mark.parametrize(
    ("method", "target", "changes"),
    [
        ("GET", None, False),
        ("PUT", None, True),
        ("POST", None, True),
        ("POST", b"AmazonSQS.ReceiveMessage", False),
        ("POST", b"AmazonSQS.SendMessage", True),
        ("POST", b"DynamoDB_20120810.Query", False),
        ("POST", b"DynamoDB_20120810.TransactWriteItems", True),
        ("POST", b"AWSCognitoIdentityProviderService.AdminGetUser", False),
        ("POST", b"AWSCognitoIdentityProviderService.AdminCreateUser", True),
    ],
)
def test_only_what_may_change_state_calls_for_a_snapshot(
    method: str, target: bytes | None, changes: bool
) -> None:
    headers = [(b"x-amz-target", target)] if target else []
    assert changes_state(scope("/", method, headers)) is changes


def through(tmp_path: Path, request: dict[str, Any], api: str | None = "abc") -> tuple[list[str], int, Any]:
    """(paths that the emulator saw, status, body) of one request."""
    seen: list[str] = []
    sent: list[Any] = []

    async def emulator(scope: Any, receive: Any, send: Any) -> None:
        seen.extend([scope["path"], scope["raw_path"].decode()])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request", "body": b""}

    kept = Snapshotter(tmp_path, states=dict, encode=lambda s, x: "", decode=lambda s, x: None)

    async def close() -> None:
        """Nothing is open."""

    refreshed: list[bool] = []
    door = FrontDoor(emulator, lambda: api, kept, refresh=lambda: refreshed.append(True), close=close)
    asyncio.run(door(request, receive, send))
    assert not seen or refreshed == [True], "roles are known before the emulator judges"
    return seen, sent[0]["status"], json.loads(sent[1]["body"])


def test_v1_goes_to_the_default_stage_of_the_api(tmp_path: Path) -> None:
    seen, status, _ = through(tmp_path, scope("/v1/a%20b"))
    assert status == 200
    assert seen == ["/_aws/execute-api/abc/$default/v1/a%20b"] * 2


@pytest.mark.parametrize("path", ["/", "/bucket/v1/x", "/v10/x", "/_ministack/health"])
def test_everything_else_is_the_aws_endpoint(tmp_path: Path, path: str) -> None:
    assert through(tmp_path, scope(path))[0] == [path, path]


def test_before_the_api_is_deployed_it_says_so(tmp_path: Path) -> None:
    seen, status, body = through(tmp_path, scope("/v1/x"), api=None)
    assert (seen, status, body) == ([], 503, {"message": "the HTTP API is not deployed yet"})


def test_a_snapshot_can_be_asked_for(tmp_path: Path) -> None:
    assert through(tmp_path, scope("/_onyx/snapshot", "POST"))[1:] == (200, {"written": True})
    assert through(tmp_path, scope("/_onyx/snapshot", "GET"))[1] == 404
    assert len(list(tmp_path.iterdir())) == 1
