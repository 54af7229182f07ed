import io
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra import cli
from infra.commands import session
from infra.commands.tokens import TokenCache
from shared.clock import FixedClock

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
Route = Callable[[httpx.Request], httpx.Response]


@dataclass
class FakePlatform:
    """A platform whose operator function and API answer as a test says."""

    url: str = "http://onyx.test"
    commands: list[dict[str, Any]] = field(default_factory=list)
    answers: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = field(default_factory=dict)
    requests: list[httpx.Request] = field(default_factory=list)
    routes: dict[tuple[str, str], Route] = field(default_factory=dict)
    tokens: int = 0
    clients: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.answers["issue_token"] = self._issue

    def client(self, service: str) -> Any:
        if service in self.clients:
            return self.clients[service]
        assert service == "lambda"
        return self

    def output(self, stack_suffix: str, key: str) -> str:
        assert (stack_suffix, key) == ("identity", "OperatorFunction")
        return "operator-function"

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 - boto3's names
        assert FunctionName == "operator-function"
        command = json.loads(Payload)
        self.commands.append(command)
        return {"Payload": io.BytesIO(json.dumps(self.answers[command["command"]](command)).encode())}

    def handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        route = self.routes.get((request.method, request.url.path))
        return (
            route(request)
            if route
            else httpx.Response(404, json={"detail": "no such route", "code": "NOT_FOUND"})
        )

    def on(self, method: str, path: str, body: Any, status: int = 200) -> None:
        self.routes[method, path] = lambda _: httpx.Response(status, json=body)

    def _issue(self, command: dict[str, Any]) -> dict[str, Any]:
        self.tokens += 1
        return {"ok": True, "access_token": f"token-{self.tokens}-{command['tenant']}", "expires_in": 3600}


@dataclass
class Outcome:
    code: int
    out: str
    err: str

    @property
    def rows(self) -> Any:
        return json.loads(self.out)["rows"]


@dataclass
class Onyx:
    """The command, as a user runs it."""

    platform: FakePlatform
    clock: FixedClock
    state: Path
    capsys: pytest.CaptureFixture[str]

    def __call__(self, *arguments: str) -> Outcome:
        code = 0
        try:
            cli.main(arguments)
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 0
        caught = self.capsys.readouterr()
        return Outcome(code, caught.out, caught.err)


@pytest.fixture
def onyx(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Iterator[Onyx]:
    for name in [name for name in os.environ if name.startswith("ONYX_")]:
        monkeypatch.delenv(name)
    run = Onyx(FakePlatform(), FixedClock(NOW), tmp_path, capsys)

    def connect(env: str, port: int) -> session.Session:
        return session.Session(
            platform=run.platform,
            env=env,
            port=port,
            tokens=TokenCache(tmp_path / "state" / "tokens.json", run.clock),
            transport=httpx.MockTransport(run.platform.handle),
        )

    monkeypatch.setattr(session, "connect", connect)
    return run
