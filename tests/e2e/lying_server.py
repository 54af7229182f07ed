"""A receiver of workflows' requests that counts its effects, and behaves as receivers do.

How it behaves is the path of the request; all but `ok` and `refuses` behave so once per key, then answer.
"""

import json
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

BEHAVIOURS = ("ok", "refuses", "busy", "breaks", "drops", "slow", "lies", "twice")
NO_EFFECT = frozenset({"refuses", "busy"})
"""It answers 422, or 503 and Retry-After, before it has done anything."""
SLOW_SECONDS = 3.0


@dataclass
class Receiver:
    """What was asked of it, by key: how often, what it did, and with which bodies."""

    asked: Counter[str] = field(default_factory=Counter)
    effects: Counter[str] = field(default_factory=Counter)
    bodies: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                with suppress(OSError):
                    receiver.answer(self)

            def do_GET(self) -> None:
                with suppress(OSError):
                    receiver.answer(self)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, call: BaseHTTPRequestHandler) -> None:
        behaviour = call.path.strip("/")
        key = call.headers.get("Idempotency-Key", "")
        given = call.rfile.read(int(call.headers.get("Content-Length") or 0))
        first = self._note(behaviour, key, json.loads(given) if given else {})
        if behaviour == "refuses":
            _send(call, 422)
        elif behaviour == "busy" and first:
            _send(call, 503)
        elif behaviour == "breaks" and first:
            _send(call, 500)
        elif behaviour == "lies" and first:
            _send(call, 200, longer=100)
        elif behaviour == "drops" and first:
            call.close_connection = True
        else:
            if behaviour == "slow" and first:
                time.sleep(SLOW_SECONDS)
            _send(call, 200)
            if behaviour == "twice":
                _send(call, 500)

    def _note(self, behaviour: str, key: str, body: dict[str, Any]) -> bool:
        """Whether it is the first request of its key."""
        with self._lock:
            self.asked[key] += 1
            first = self.asked[key] == 1
            if behaviour not in NO_EFFECT or (behaviour == "busy" and not first):
                self.effects[key] += 1
            self.bodies.setdefault(key, []).append(body)
            return first


def _send(call: BaseHTTPRequestHandler, status: int, *, longer: int = 0) -> None:
    body = b'{"done": true}'
    call.send_response(status)
    call.send_header("Content-Type", "application/json")
    if status == 503:
        call.send_header("Retry-After", "1")
    call.send_header("Content-Length", str(len(body) + longer))
    call.end_headers()
    call.wfile.write(body)
    call.wfile.flush()
    call.close_connection = True
