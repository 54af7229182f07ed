"""Reads a file of the lake by parallel ranges of one and the same object."""

import os
import re
import threading
import time
import zlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from services.query_engine.domain import errors
from services.query_engine.domain.errors import failure
from shared.errors import OnyxError

RANGE = 8 * 1024 * 1024
"""Bytes of one request, and of one checksum."""
_CHUNK = 1024 * 1024
_REQUESTS = 8
_CLIENTS = 64
_MAGIC = b"PAR1"
_FOOTER = 8
_LONGEST = 120.0
"""Seconds that one file may take; a query ends earlier, this is for a lake that trickles."""
_CONFIG = Config(
    connect_timeout=3,
    read_timeout=10,
    retries={"mode": "standard", "max_attempts": 3},
    max_pool_connections=2 * _REQUESTS,
)


@dataclass(frozen=True)
class Fetched:
    """`checksum` is over the checksums of the file's ranges: see `checksum`."""

    size: int
    checksum: int


class LakeReader:
    """Fetches files with the credentials that each call brings. Safe to call from many threads."""

    def __init__(self) -> None:
        self._requests = ThreadPoolExecutor(_REQUESTS, "lake-read")
        self._lock = threading.Lock()
        self._clients: OrderedDict[tuple[str, ...], Any] = OrderedDict()

    def fetch(
        self, storage: Mapping[str, str], path: str, target: Path, reserve: Callable[[int], None]
    ) -> Fetched:
        """Write the object at the s3:// address `path` to `target`, a new file.

        `reserve` is told the size before the first byte is written, and may raise. Raises OnyxError
        (LAKE_UNAVAILABLE) for whatever is not exactly one whole parquet file.
        """
        bucket, _, key = path.removeprefix("s3://").partition("/")
        try:
            return self._fetch(self._client(storage), {"Bucket": bucket, "Key": key}, target, reserve)
        except (BotoCoreError, ClientError, OSError) as error:
            raise unavailable() from error

    def close(self) -> None:
        self._requests.shutdown(wait=False, cancel_futures=True)

    def _fetch(
        self, client: Any, place: dict[str, str], target: Path, reserve: Callable[[int], None]
    ) -> Fetched:
        ends = time.monotonic() + _LONGEST
        first = client.get_object(**place, Range=f"bytes=0-{RANGE - 1}")
        try:
            size = _total(first, 0)
            reserve(size)
            with target.open("xb") as file:

                def keep(answer: Any, start: int) -> int:
                    return _keep(answer, file.fileno(), start, min(RANGE, size - start), ends)

                def ask(start: int) -> int:
                    # Of that very object: a mix of two would be no file that was ever published.
                    span = f"bytes={start}-{min(start + RANGE, size) - 1}"
                    answer = client.get_object(**place, Range=span, IfMatch=first["ETag"])
                    if _total(answer, start) != size:
                        raise unavailable()
                    return keep(answer, start)

                others = [self._requests.submit(ask, start) for start in range(RANGE, size, RANGE)]
                try:
                    sums = [keep(first, 0), *(each.result() for each in others)]
                finally:
                    # None may write once the file is closed.
                    for each in others:
                        each.cancel()
                    for each in others:
                        if not each.cancelled():
                            each.exception()
        finally:
            first["Body"].close()
        require_parquet(target, size)
        return Fetched(size, _joined(sums))

    def _client(self, storage: Mapping[str, str]) -> Any:
        names = ("aws_access_key_id", "aws_session_token", "aws_endpoint_url")
        key = tuple(storage.get(name, "") for name in names)
        with self._lock:
            found = self._clients.pop(key, None) or boto3.session.Session().client(
                "s3",
                aws_access_key_id=storage["aws_access_key_id"],
                aws_secret_access_key=storage["aws_secret_access_key"],
                aws_session_token=storage["aws_session_token"],
                region_name=storage["aws_region"],
                endpoint_url=storage.get("aws_endpoint_url"),
                config=_CONFIG,
            )
            self._clients[key] = found
            while len(self._clients) > _CLIENTS:
                self._clients.popitem(last=False)
            return found


def unavailable(detail: str = "The files of the query cannot be read now: try again") -> OnyxError:
    return failure(errors.LAKE_UNAVAILABLE, detail)


def checksum(path: Path) -> int:
    """Of a local file: what `fetch` told of it when it was written."""
    sums = []
    with path.open("rb") as file:
        while part := file.read(RANGE):
            sums.append(zlib.crc32(part))
    return _joined(sums)


def require_parquet(path: Path, size: int) -> None:
    """Raises OnyxError (LAKE_UNAVAILABLE) unless `path` has `size` bytes, of parquet from end to end."""
    with path.open("rb") as file:
        head = file.read(len(_MAGIC))
        if os.fstat(file.fileno()).st_size != size or size <= 2 * _FOOTER or head != _MAGIC:
            raise unavailable()
        file.seek(-_FOOTER, os.SEEK_END)
        tail = file.read()
    footer = int.from_bytes(tail[:4], "little")
    if tail[4:] != _MAGIC or footer + _FOOTER + len(_MAGIC) > size:
        raise unavailable()


def _joined(sums: list[int]) -> int:
    return zlib.crc32(b"".join(each.to_bytes(4, "little") for each in sums))


def _total(answer: Any, start: int) -> int:
    """The size of the whole object, of which `answer` is the range that begins at `start`."""
    told = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", answer.get("ContentRange") or "")
    if told is None or int(told[1]) != start:
        raise unavailable()
    return int(told[2])


def _keep(answer: Any, file: int, start: int, length: int, ends: float) -> int:
    """Write the body to its place; returns its checksum. It must be `length` bytes."""
    at, check = start, 0
    for chunk in answer["Body"].iter_chunks(_CHUNK):
        if at + len(chunk) > start + length or time.monotonic() > ends:
            raise unavailable()
        check = zlib.crc32(chunk, check)
        view = memoryview(chunk)
        while view:
            written = os.pwrite(file, view, at)
            at, view = at + written, view[written:]
    if at != start + length:
        raise unavailable()
    return check
