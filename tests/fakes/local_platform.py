"""A local platform for tests: on a free port, in a folder of its own, ended with all that it started."""

import http.client
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from infra.local import processes
from infra.local.platform import Platform
from infra.local.state import REPOSITORY, LocalState
from infra.local.tasks import free_port

T = TypeVar("T")


@contextmanager
def running_platform(
    home: Path, repository: Path = REPOSITORY, synth_cache: Path | None = None
) -> Iterator[Platform]:
    """`onyx up` on a free port with its state in `home`; `onyx down` at the end, whatever happened."""
    platform = Platform(LocalState.of(free_port(), home), repository, synth_cache)
    try:
        platform.up()
        yield platform
    finally:
        platform.down()
        processes.sweep(platform.state.root)


def eventually(probe: Callable[[], T], what: str, seconds: float = 20.0) -> T:
    """The first true value of `probe`; AssertionError with `what` and the last value after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (found := probe()):
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds:.0f} s; last: {found!r}"
        time.sleep(0.02)
    return found


@dataclass(frozen=True)
class Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name), None)

    def json(self) -> Any:
        return json.loads(self.body)


def call(
    platform: Platform,
    path: str,
    method: str = "GET",
    headers: dict[str, str] | None = None,
    body: bytes = b"",
) -> Answer:
    """One request to the front door."""
    connection = http.client.HTTPConnection("127.0.0.1", platform.state.port, timeout=30)
    try:
        connection.request(method, path, body=body or None, headers=headers or {})
        answer = connection.getresponse()
        return Answer(answer.status, answer.getheaders(), answer.read())
    finally:
        connection.close()
