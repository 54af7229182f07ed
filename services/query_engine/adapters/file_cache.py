"""Whole copies of the lake's files in a folder of this machine, within a budget of bytes.

A file of the lake never changes, so a copy is good as long as it is whole: it gets its name only when it is,
and its name tells its size and checksum. Each tenant has a folder of its own; a copy is found only by the
tenant for which it was fetched, with that tenant's credentials.
"""

import hashlib
import re
import threading
import uuid
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from services.query_engine.adapters.lake_reader import Fetched, checksum, require_parquet, unavailable
from services.query_engine.adapters.text_twins import add_twins
from services.query_engine.domain import errors
from services.query_engine.domain.errors import failure
from shared.errors import OnyxError

_FILES = 4
_LOOK_SECONDS = 0.05
_NAME = re.compile(r"([0-9a-f]{64})\.(\d+)\.([0-9a-f]{8})\.parquet")
_Key = tuple[str, str]


class Reader(Protocol):
    """See `lake_reader.LakeReader`."""

    def fetch(
        self, storage: Mapping[str, str], path: str, target: Path, reserve: Callable[[int], None]
    ) -> Fetched: ...


class NoRoom(Exception):  # noqa: N818 - it is no mistake
    """The file does not fit beside those that are in use."""


@dataclass
class _Copy:
    """A copy on this machine, and by how many it is read. `stamp` is None where it is not checked yet."""

    path: Path
    fetched: Fetched
    stamp: tuple[int, int, int] | None
    users: int = 0


@dataclass
class _Coming:
    future: "Future[_Copy]" = field(default_factory=Future)
    waiting: int = 0
    reserved: int = 0


class FileCache:
    """Safe to call from many threads; a folder has one FileCache at a time."""

    def __init__(self, folder: Path, budget: int, reader: Reader) -> None:
        """`budget`: bytes of copies. What an earlier process left whole is used, the rest is removed."""
        self._folder = folder
        self._budget = budget
        self._reader = reader
        self._files = ThreadPoolExecutor(_FILES, "lake-file")
        self._lock = threading.Lock()
        self._copies: OrderedDict[_Key, _Copy] = OrderedDict()
        self._coming: dict[_Key, _Coming] = {}
        self._reserved = 0
        self.fetches = 0
        self.hits = 0
        self._adopt()

    @property
    def bytes(self) -> int:
        """Of the copies that are whole."""
        with self._lock:
            return sum(each.fetched.size for each in self._copies.values())

    @contextmanager
    def lease(
        self,
        tenant: str,
        paths: Sequence[str],
        storage: Mapping[str, str],
        given_up: Callable[[], bool] = lambda: False,
    ) -> Iterator[dict[str, Path]]:
        """Where copies of `paths` lie, all fetched and none removed until the end of the block.

        Raises OnyxError (LAKE_UNAVAILABLE; QUERY_TIMEOUT once `given_up`) and NoRoom.
        """
        found: dict[_Key, _Copy] = {}
        keys = {path: (tenant, _digest(path)) for path in paths}
        waited: dict[_Key, _Coming] = {}
        try:
            with self._lock:
                for path, key in keys.items():
                    if key in found or key in waited:
                        continue
                    if copy := self._good(key):
                        copy.users += 1
                        found[key] = copy
                        self.hits += 1
                    else:
                        waited[key] = self._fetch(key, path, storage)
            for key in list(waited):
                copy = _result(waited[key].future, given_up)
                found[key] = copy
                del waited[key]
            yield {path: found[key].path for path, key in keys.items()}
        finally:
            with self._lock:
                for coming in waited.values():
                    coming.waiting -= 1
                    if coming.future.done() and not coming.future.exception():
                        coming.future.result().users -= 1
                for copy in found.values():
                    copy.users -= 1

    def retire(self, tenant: str, bound: Collection[str]) -> None:
        """Of `tenant`, only the files `bound` are published now: copies of others go first."""
        kept = {_digest(path) for path in bound}
        with self._lock:
            for key in [each for each in self._copies if each[0] == tenant and each[1] not in kept]:
                self._copies.move_to_end(key, last=False)

    def tenants(self) -> list[str]:
        """Those of whom there are copies."""
        with self._lock:
            return sorted({tenant for tenant, _ in self._copies})

    def close(self) -> None:
        self._files.shutdown(wait=False, cancel_futures=True)

    # --- under the lock ---

    def _good(self, key: _Key) -> _Copy | None:
        """The copy under `key`, if it is still what was written."""
        copy = self._copies.get(key)
        if copy is None:
            return None
        if copy.stamp is None or _stamp(copy.path) != copy.stamp:
            return None
        self._copies.move_to_end(key)
        return copy

    def _fetch(self, key: _Key, path: str, storage: Mapping[str, str]) -> _Coming:
        coming = self._coming.get(key)
        if coming is None:
            coming = self._coming[key] = _Coming()
            self._files.submit(self._bring, key, path, dict(storage), coming)
        coming.waiting += 1
        return coming

    def _reserve(self, size: int) -> None:
        held = sum(each.fetched.size for each in self._copies.values())
        for key in list(self._copies):
            if held + self._reserved + size <= self._budget:
                break
            if not self._copies[key].users:
                held -= self._copies[key].fetched.size
                self._remove(key)
        if held + self._reserved + size > self._budget:
            raise NoRoom
        self._reserved += size

    def _remove(self, key: _Key) -> None:
        self._copies.pop(key).path.unlink(missing_ok=True)

    # --- in a thread of its own ---

    def _bring(self, key: _Key, path: str, storage: Mapping[str, str], coming: _Coming) -> None:
        try:
            copy = self._checked(key) or self._fetched(key, path, storage, coming)
        except BaseException as error:  # noqa: BLE001 - whoever waits must hear of it
            with self._lock:
                del self._coming[key]
                self._reserved -= coming.reserved
                coming.future.set_exception(error)
            return
        with self._lock:
            del self._coming[key]
            # In one step: what was reserved is what the copy takes.
            self._reserved -= coming.reserved
            copy.users += coming.waiting
            self._copies[key] = copy
            self._copies.move_to_end(key)
            coming.future.set_result(copy)

    def _checked(self, key: _Key) -> _Copy | None:
        """A copy that an earlier process left, once its content proves whole; else it is removed."""
        with self._lock:
            copy = self._copies.get(key)
            if copy is None:
                return None
            if copy.stamp is not None:
                # Something changed it since it was written.
                self._remove(key)
                return None
            copy.users += 1
        whole = False
        try:
            stamp = _stamp(copy.path)
            require_parquet(copy.path, copy.fetched.size)
            whole = checksum(copy.path) == copy.fetched.checksum
            copy.stamp = stamp
        except (OSError, OnyxError):
            pass
        with self._lock:
            copy.users -= 1
            if not whole:
                self._remove(key)
        return copy if whole else None

    def _fetched(self, key: _Key, path: str, storage: Mapping[str, str], coming: _Coming) -> _Copy:
        tenant, digest = key
        folder = self._folder / tenant
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = folder / f"{digest}.{uuid.uuid4().hex}.part"

        def reserve(size: int) -> None:
            with self._lock:
                self._reserve(size)
                coming.reserved = size

        try:
            fetched = self._reader.fetch(storage, path, part, reserve)
            if add_twins(part, tenant):
                fetched = Fetched(part.stat().st_size, checksum(part))
            final = folder / f"{digest}.{fetched.size}.{fetched.checksum:08x}.parquet"
            part.rename(final)
            self.fetches += 1
            return _Copy(final, fetched, _stamp(final))
        except OSError as error:
            raise unavailable("A file of the query cannot be kept on this machine: try again") from error
        finally:
            part.unlink(missing_ok=True)

    def _adopt(self) -> None:
        """Take over what an earlier process left: whole copies, to be checked when they are first read."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = []
        for path in self._folder.glob("*/*"):
            with suppress(FileNotFoundError):
                named = _NAME.fullmatch(path.name)
                if named and path.stat().st_size == int(named[2]):
                    key = (path.parent.name, named[1])
                    fetched = Fetched(int(named[2]), int(named[3], 16))
                    found.append((path.stat().st_mtime, key, _Copy(path, fetched, None)))
                else:
                    path.unlink(missing_ok=True)
        for _, key, copy in sorted(found, key=lambda each: each[0]):
            if key in self._copies:
                self._remove(key)
            self._copies[key] = copy
        with suppress(NoRoom):
            self._reserve(0)


def too_large() -> OnyxError:
    """What a query hears whose engine cannot do without local copies, where they do not fit."""
    return failure(
        errors.QUERY_MEMORY, "The query reads more files than this machine holds: narrow it down by date"
    )


def _digest(path: str) -> str:
    return hashlib.sha256(path.encode()).hexdigest()


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ino


def _result(future: "Future[_Copy]", given_up: Callable[[], bool]) -> _Copy:
    """What `future` comes to; a query that is not wanted any more leaves it to others."""
    while True:
        with suppress(TimeoutError):
            try:
                return future.result(_LOOK_SECONDS)
            except CancelledError:
                raise unavailable() from None
        if given_up():
            raise failure(errors.QUERY_TIMEOUT, "The query took too long: its files did not come in time")
