"""A lake that fails, trickles or lies: one whole file, or LAKE_UNAVAILABLE and no copy."""

import io
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from botocore.config import Config

from services.query_engine.adapters import lake_reader
from services.query_engine.adapters.file_cache import FileCache
from services.query_engine.adapters.lake_reader import LakeReader, checksum
from services.query_engine.domain.errors import LAKE_UNAVAILABLE
from shared.errors import OnyxError

RANGE = 16 * 1024
PATH = "s3://lake/acme/a.parquet"


def body() -> bytes:
    file = io.BytesIO()
    pl.DataFrame({"n": range(20_000), "s": [f"{at * 7919 % 20011}" for at in range(20_000)]}).write_parquet(
        file
    )
    return file.getvalue()


BODY = body()


class Site(ThreadingHTTPServer):
    """An object that is served by ranges, in the `mode` of the test from its `at`th request on."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.mode, self.at, self.requests = "", 0, 0
        self.lock = threading.Lock()
        self.closing = threading.Event()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Site

    def do_GET(self) -> None:
        with self.server.lock:
            number, self.server.requests = self.server.requests, self.server.requests + 1
        mode = self.server.mode if number >= self.server.at else ""
        told = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers["Range"])
        assert told
        first, last = int(told[1]), min(int(told[2]), len(BODY) - 1)
        part, total, etag = BODY[first : last + 1], len(BODY), '"one"'
        match mode:
            case "fails":
                return self._answer(503, b"")
            case "gone":
                return self._answer(404, b"")
            case "silent":
                self.server.closing.wait(30)
                return None
            case "longer":
                total += 100
            case "shorter":
                total -= 100
            case "other":
                etag = '"two"'
                if self.headers.get("If-Match", etag) != etag:
                    return self._answer(412, b"")
            case "elsewhere":
                first += 1
        headers = {"Content-Range": f"bytes {first}-{last}/{total}", "ETag": etag}
        return self._answer(206, part[:-50] if mode == "short" else part, headers, length=len(part))

    def _answer(
        self, status: int, sent: bytes, headers: dict[str, str] | None = None, length: int = 0
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(sent)
        if len(sent) < length:
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Not into the test's output."""


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr(lake_reader, "RANGE", RANGE)
    quick = Config(connect_timeout=1, read_timeout=1, retries={"total_max_attempts": 1})
    monkeypatch.setattr(lake_reader, "_CONFIG", quick)
    made = Site()
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield made
    made.closing.set()
    made.shutdown()
    made.server_close()


@pytest.fixture
def storage(site: Site) -> dict[str, str]:
    return {
        "aws_access_key_id": "test",
        "aws_secret_access_key": "test",
        "aws_session_token": "test",
        "aws_region": "us-east-1",
        "aws_endpoint_url": f"http://127.0.0.1:{site.server_port}",
    }


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[FileCache]:
    reader = LakeReader()
    made = FileCache(tmp_path, 10 * len(BODY), reader)
    yield made
    made.close()
    reader.close()


def test_a_file_is_put_together_from_its_ranges(site: Site, storage: dict[str, str], tmp_path: Path) -> None:
    sizes: list[int] = []
    fetched = LakeReader().fetch(storage, PATH, tmp_path / "copy", sizes.append)
    assert (tmp_path / "copy").read_bytes() == BODY
    assert site.requests == -(-len(BODY) // RANGE) > 4
    assert sizes == [len(BODY)]
    assert (fetched.size, fetched.checksum) == (len(BODY), checksum(tmp_path / "copy"))


MODES = ("fails", "gone", "silent", "short", "longer", "shorter", "other", "elsewhere")


@pytest.mark.parametrize(
    ("mode", "at"),
    # Another object from the first request on is another whole object.
    [(mode, at) for mode in MODES for at in (0, 1, 4) if (mode, at) != ("other", 0)],
)
def test_what_is_not_the_whole_file_is_no_copy(
    site: Site, cache: FileCache, storage: dict[str, str], tmp_path: Path, mode: str, at: int
) -> None:
    site.mode, site.at = mode, at
    with pytest.raises(OnyxError) as caught, cache.lease("acme", [PATH], storage):
        pass
    assert caught.value.code == LAKE_UNAVAILABLE
    assert not [each for each in tmp_path.rglob("*") if each.is_file()]
    site.mode = ""
    with cache.lease("acme", [PATH], storage) as local:
        assert pl.read_parquet(local[PATH])["n"].sum() == sum(range(20_000))


def test_a_lake_that_is_not_there(cache: FileCache, storage: dict[str, str], site: Site) -> None:
    away = {**storage, "aws_endpoint_url": "http://127.0.0.1:9"}
    with pytest.raises(OnyxError) as caught, cache.lease("acme", [PATH], away):
        pass
    assert caught.value.code == LAKE_UNAVAILABLE
    # The same credentials at another address are another client.
    with cache.lease("acme", [PATH], storage) as local:
        assert local[PATH].read_bytes() == BODY
