import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.fakes.query_engine import CLIENT, ISSUER, Signer
from tests.fakes.query_engine_lake import BILLS, DATASETS, LAKE, POLICIES, QUERIES, RESULTS, AwsEndpoint, Lake

ROOT = Path(__file__).resolve().parents[3]


@dataclass
class Server:
    """The real server, as the task definition starts it."""

    process: "subprocess.Popen[bytes]"
    url: str
    signer: Signer

    def token(self, tenant: str = "acme", **claims: Any) -> str:
        return self.signer.token(tenant, **claims)

    def get(self, path: str, tenant: str = "acme") -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token(tenant)}"}
        return httpx.get(self.url + path, headers=headers, timeout=60)

    def query(self, sql: str, tenant: str = "acme", token: str | None = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token or self.token(tenant)}"}
        return httpx.post(f"{self.url}/v1/query", json={"sql": sql}, headers=headers, timeout=60)

    def rows(self, sql: str, tenant: str = "acme") -> list[dict[str, Any]]:
        answer = self.query(sql, tenant)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["rows"]
        return found

    def refusal(self, sql: str, tenant: str = "acme") -> tuple[int, str]:
        answer = self.query(sql, tenant)
        assert answer.headers["content-type"] == "application/problem+json", answer.text
        return answer.status_code, answer.json()["code"]

    def workers(self) -> list[int]:
        """Pids of the worker processes."""
        return [pid for pid in children(self.process.pid) if b"resource_tracker" not in command(pid)]


def children(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(each) for each in (task / "children").read_text().split()]
    return found


def command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def eventually(condition: Callable[[], Any], seconds: float = 60) -> Any:
    """What `condition` returns once it is truthy; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.02)
    return found


@pytest.fixture(scope="module")
def signer() -> Signer:
    return Signer()


@pytest.fixture(scope="module")
def endpoint(signer: Signer) -> Iterator[AwsEndpoint]:
    path = f"{urlsplit(ISSUER).path}/.well-known/jwks.json"
    started = AwsEndpoint({path: lambda: json.dumps(signer.jwks()).encode()})
    yield started
    started.close()


@pytest.fixture(scope="module")
def lake(endpoint: AwsEndpoint) -> Lake:
    return Lake(endpoint.url)


@pytest.fixture(scope="module")
def start(
    endpoint: AwsEndpoint, signer: Signer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Server]]:
    """Starts servers (environment variables may be given), and stops them at the end."""
    started: list[Server] = []
    copies = tmp_path_factory.mktemp("copies")

    def run(**environment: str) -> Server:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        process = subprocess.Popen(
            [sys.executable, "-m", "services.query_engine.handlers.server"],
            cwd=ROOT,
            env={
                **kept,
                "AWS_ENDPOINT_URL": endpoint.url,
                "AWS_REGION": "us-east-1",
                "AWS_ACCESS_KEY_ID": "test",
                "AWS_SECRET_ACCESS_KEY": "test",
                "BILL_TABLE": BILLS,
                "QUERY_TABLE": QUERIES,
                "DATASET_TABLE": DATASETS,
                "ROW_POLICY_TABLE": POLICIES,
                "LAKE_BUCKET": LAKE,
                "RESULTS_BUCKET": RESULTS,
                "TENANT_ROLE_ARN": "arn:aws:iam::123456789012:role/tenant-data",
                "TOKEN_ISSUER": ISSUER,
                "TOKEN_CLIENT_IDS": f"other {CLIENT}",
                "HOST": "127.0.0.1",
                "PORT": str(port),
                "POWERTOOLS_LOG_LEVEL": "ERROR",
                "QUERY_FILES_FOLDER": str(copies),
                **environment,
            },
        )
        server = Server(process, f"http://127.0.0.1:{port}", signer)
        started.append(server)
        eventually(lambda: _healthy(server), 120)
        return server

    yield run
    for server in started:
        server.process.terminate()
        try:
            server.process.wait(35)
        except subprocess.TimeoutExpired:
            server.process.kill()
            server.process.wait()


def _healthy(server: Server) -> bool:
    assert server.process.poll() is None, "the server ended"
    try:
        return httpx.get(f"{server.url}/healthz").status_code == 200
    except httpx.TransportError:
        return False
