"""The query engine's client against a server that answers as the engine and its gateway do."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
import urllib3

from services.cost_center.adapters.query_http import HttpQueryEngine
from shared.errors import OnyxError, Timeout, TooManyRequests, Unauthenticated, Unavailable, Unprocessable


@contextmanager
def answering(
    status: int, body: bytes, headers: dict[str, str] | None = None, *, hang: threading.Event | None = None
) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    asked: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            sent = json.loads(self.rfile.read(length))
            asked.append({"path": self.path, "token": self.headers["Authorization"], "body": sent})
            if hang is not None:
                hang.wait(10)
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """No lines on stderr."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        if hang is not None:
            hang.set()
        server.shutdown()
        server.server_close()
        thread.join()


def test_the_sql_goes_with_the_callers_token_and_rows_come_back() -> None:
    body = json.dumps({"rows": [{"c": "1.10", "n": 2}], "row_count": 1}).encode()
    with answering(200, body) as (url, asked):
        rows = HttpQueryEngine(url + "/").query("SELECT 1", "Bearer token")

    assert rows == [{"c": "1.10", "n": 2}]
    assert asked == [{"path": "/v1/query", "token": "Bearer token", "body": {"sql": "SELECT 1"}}]


def test_a_moment_goes_along() -> None:
    with answering(200, b'{"rows": []}') as (url, asked):
        HttpQueryEngine(url).query("SELECT 1", "Bearer token", datetime(2026, 11, 1, tzinfo=UTC))

    assert asked[0]["body"] == {"sql": "SELECT 1", "as_of": "2026-11-01T00:00:00.000000Z"}


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (422, Unprocessable, "RESULT_TOO_LARGE"),
        (401, Unauthenticated, "UNAUTHENTICATED"),
        (504, Timeout, "QUERY_TIMEOUT"),
        (429, TooManyRequests, "QUERY_BUSY"),
    ],
)
def test_the_engines_problem_is_the_callers(status: int, kind: type[OnyxError], code: str) -> None:
    problem = json.dumps({"code": code, "detail": "why", "status": status}).encode()
    with answering(status, problem, {"Retry-After": "3"}) as (url, _), pytest.raises(kind) as raised:
        HttpQueryEngine(url).query("SELECT 1", "t")

    assert (raised.value.code, raised.value.detail, raised.value.retry_after) == (code, "why", 3)


@pytest.mark.parametrize(("status", "body"), [(502, b"<html>"), (200, b"not json"), (200, b'{"rows": 1}')])
def test_what_is_no_answer_of_the_engine_is_unavailable(status: int, body: bytes) -> None:
    with answering(status, body) as (url, _), pytest.raises(Unavailable):
        HttpQueryEngine(url).query("SELECT 1", "t")


def test_an_engine_that_cannot_be_reached_is_unavailable() -> None:
    with answering(200, b"{}") as (url, _):
        pass
    with pytest.raises(Unavailable):
        HttpQueryEngine(url).query("SELECT 1", "t")


def test_an_engine_that_does_not_answer_is_a_timeout() -> None:
    hang = threading.Event()
    pool = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(total=0.2))
    with answering(200, b"{}", hang=hang) as (url, _), pytest.raises(Timeout):
        HttpQueryEngine(url, pool).query("SELECT 1", "t")
