import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from services.cost_center.adapters import task_protection
from services.cost_center.adapters.task_protection import protected


def test_the_agent_is_asked_before_and_released_after_even_when_the_work_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[Any] = []

    class Agent(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            asked.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
            self.send_response(200 if len(asked) == 1 else 400)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """No lines on stderr."""

    server = HTTPServer(("127.0.0.1", 0), Agent)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("ECS_AGENT_URI", f"http://127.0.0.1:{server.server_port}")
    try:
        with pytest.raises(RuntimeError, match="asked 1 time"), protected():
            raise RuntimeError(f"the bill fails, asked {len(asked)} time")
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

    path = "/task-protection/v1/state"
    assert asked == [
        (path, {"ProtectionEnabled": True, "ExpiresInMinutes": 120}),
        (path, {"ProtectionEnabled": False}),
    ]


def test_an_agent_that_does_not_answer_stops_no_bill(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECS_AGENT_URI", "http://127.0.0.1:9")
    worked = False
    with protected():
        worked = True
    assert worked


def test_elsewhere_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.delenv("ECS_AGENT_URI", raising=False)
    monkeypatch.setattr(task_protection, "_set", lambda *state: asked.append(state))
    with protected():
        assert asked == []
    assert asked == []


def test_the_task_is_protected_until_the_last_of_what_it_works_on_is_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[object] = []
    monkeypatch.setenv("ECS_AGENT_URI", "http://agent.test")
    monkeypatch.setattr(
        task_protection, "_set", lambda agent, state: asked.append(state["ProtectionEnabled"])
    )
    bill, job = protected(), protected()
    bill.__enter__()
    job.__enter__()
    bill.__exit__(None, None, None)
    assert asked == [True, True]
    job.__exit__(None, None, None)
    assert asked == [True, True, False]
