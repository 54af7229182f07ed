"""One real platform for all end-to-end tests: the real templates on the embedded emulator, on a free port."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import boto3
import httpx
import pytest
from botocore.config import Config

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data"
ONYX = Path(sys.executable).with_name("onyx")
T = TypeVar("T")


@dataclass(frozen=True)
class Platform:
    port: int
    home: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def recorded(self) -> Path:
        """What each role called, as `infra.local.calls.read_calls` reads it."""
        return self.home / "calls.jsonl"

    def environment(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "ONYX_"))}
        own = {"ONYX_HOME": self.home, "ONYX_PORT": self.port, "ONYX_RECORD_CALLS": self.recorded}
        return {**kept, **{name: str(value) for name, value in own.items()}}

    def onyx(self, *arguments: str, timeout: float = 180) -> "subprocess.CompletedProcess[str]":
        """Run the command as a user would."""
        return subprocess.run(
            [str(ONYX), *arguments],
            env=self.environment(),
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    def rows(self, *arguments: str) -> list[dict[str, Any]]:
        """Run a command with --format json that must succeed."""
        done = self.onyx(*arguments, "--format", "json")
        assert done.returncode == 0, done.stderr + done.stdout
        rows: list[dict[str, Any]] = json.loads(done.stdout)["rows"]
        return rows

    def token(self, tenant: str) -> str:
        done = self.onyx("token", "--tenant", tenant)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(s3={"addressing_style": "path"}),
        )

    def output(self, stack: str, key: str) -> str:
        found = self.client("cloudformation").describe_stacks(StackName=f"onyx-local-{stack}")["Stacks"][0]
        return str({o["OutputKey"]: o["OutputValue"] for o in found["Outputs"]}[key])

    def http(self, method: str, path: str, token: str | None = None, **options: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        return httpx.request(method, self.url + path, headers=headers, timeout=60, **options)

    def query(self, sql: str, token: str) -> list[dict[str, Any]]:
        answer = self.http("POST", "/v1/query", token, json={"sql": sql})
        assert answer.status_code == 200, answer.text
        rows: list[dict[str, Any]] = answer.json()["rows"]
        return rows


def wait_for(probe: Callable[[], T | None], what: str, seconds: float = 60) -> T:
    """Poll until `probe` yields something truthy; the deadline is a failure, not a sleep."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := probe():
            return found
        time.sleep(0.1)
    raise AssertionError(f"waited {seconds} s in vain for {what}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    one = Platform(free_port(), tmp_path_factory.mktemp("onyx"))
    started = one.onyx("up", timeout=300)
    try:
        assert started.returncode == 0, started.stderr + started.stdout
        yield one
    finally:
        one.onyx("down", timeout=60)


@pytest.fixture(scope="session")
def data() -> Path:
    if not DATA.is_dir():
        pytest.skip("the public sample files (../shared/data) are not beside this clone")
    return DATA


_tenants = iter(range(1, 1000))


@pytest.fixture
def tenant(platform: Platform) -> str:
    name = f"t{os.getpid()}-{next(_tenants)}"
    created = platform.onyx("tenant", "create", name)
    assert created.returncode == 0, created.stderr
    return name
