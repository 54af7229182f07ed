"""A tenant that works with workflows, its people, and a receiver that stands for whatever its steps ask."""

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

from tests.e2e.conftest import Platform, wait_for

BASE = "/v1/workflows"
RECONCILE = "services.workflow.handlers.reconcile.handler"
ENDED = ("succeeded", "failed", "cancelled", "timed_out", "refused")


@dataclass
class Receiver:
    """What others would be: it counts effects by path and idempotency key. `broken` paths answer 500."""

    url: str = ""
    bodies: dict[str, list[Any]] = field(default_factory=dict)
    keys: dict[str, Counter[str]] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)

    def took(self, path: str, key: str, body: Any) -> int:
        if path in self.broken:
            return 500
        self.bodies.setdefault(path, []).append(body)
        self.keys.setdefault(path, Counter())[key] += 1
        return 200


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver on a port of this machine, which workflows of the local platform may reach."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers.get("content-length", 0)))
            body = json.loads(text) if text else None
            status = receiver.took(self.path, self.headers.get("idempotency-key", ""), body)
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def do_GET(self) -> None:
            self.do_POST()

        def log_message(self, format: str, *args: Any) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()


@dataclass
class WorkflowTenant:
    """A tenant's workflows, as people with one role each see them."""

    platform: Platform
    tenant: str
    tokens: dict[str, str] = field(default_factory=dict)

    def token(self, role: str) -> str:
        if role not in self.tokens:
            done = self.platform.onyx("token", "--tenant", self.tenant, "--role", role)
            assert done.returncode == 0, done.stderr
            self.tokens[role] = done.stdout.strip()
        return self.tokens[role]

    def call(self, method: str, path: str, role: str = "operator", **body: Any) -> httpx.Response:
        options = {"json": body} if method in ("POST", "PUT") else {}
        return self.platform.http(method, BASE + path, self.token(role), **options)

    def ask(self, method: str, path: str, role: str = "operator", **body: Any) -> Any:
        """A call that must succeed."""
        answer = self.call(method, path, role, **body)
        assert answer.status_code < 300, (method, path, answer.text)
        return answer.json() if answer.content else None

    def refused(self, method: str, path: str, role: str = "operator", **body: Any) -> tuple[int, str]:
        """The status and code of a call that must fail."""
        answer = self.call(method, path, role, **body)
        assert answer.status_code >= 400, (method, path, answer.text)
        return answer.status_code, str(answer.json()["code"])

    def publish(self, source: str) -> dict[str, Any]:
        """By an admin, who may use every action."""
        id = next(line.split()[1] for line in source.splitlines() if line.startswith("id: "))
        made: dict[str, Any] = self.ask("PUT", f"/{id}", "admin", source=source)
        return made

    def start(self, workflow: str, role: str = "operator", *, key: str | None = None, **inputs: Any) -> str:
        body = {"inputs": inputs} | ({} if key is None else {"key": key})
        return str(self.ask("POST", f"/{workflow}/runs", role, **body)["run"])

    def run(self, run: str) -> dict[str, Any]:
        found: dict[str, Any] = self.ask("GET", f"/runs/{run}")
        return found

    def ended(self, run: str, status: str, seconds: float = 60) -> dict[str, Any]:
        """The run, once it has ended as it should."""

        def over() -> dict[str, Any] | None:
            found = self.run(run)
            return found if found["status"] in ENDED else None

        found = wait_for(over, f"the end of {run}", seconds)
        assert found["status"] == status, found
        return found

    def runs(self, workflow: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.ask("GET", f"/runs?workflow={workflow}")["rows"]
        return rows

    def steps(self, run: str) -> dict[str, dict[str, Any]]:
        """By id; of a loop's the last one listed."""
        return {row["step"]: row for row in self.ask("GET", f"/runs/{run}/steps")["rows"]}

    def approval(self, run: str) -> dict[str, Any]:
        """What the run waits for, once it does."""

        def waits() -> dict[str, Any] | None:
            rows = self.ask("GET", "/approvals", "viewer")["rows"]
            return next((row for row in rows if row["run"] == run), None)

        return wait_for(waits, f"the approval of {run}")

    def decide(self, approval: str, role: str, *, approve: bool = True) -> dict[str, Any]:
        path = f"/approvals/{approval}/decision"
        made: dict[str, Any] = self.ask("POST", path, role, approve=approve, comment="as agreed")
        return made

    def subject(self, role: str) -> str:
        return str(self.platform.http("GET", "/v1/identity/me", self.token(role)).json()["subject"])

    def acts(self, run: str) -> list[str]:
        """What the run's audit holds, if it verifies."""
        found = self.ask("GET", f"/runs/{run}/audit")
        assert found["verified"], found
        return [row["act"] for row in found["rows"]]
