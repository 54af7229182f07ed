"""The bytes of a file for a second reader beside the first: the file is unpacked and read once for both."""

import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

_DEPTH = 16
"""Chunks that wait at most: a reader that is slower holds up the one that fills the pipe."""


class BytePipe:
    """A binary stream to read (`read`, `closed`, `close`: what Arrow asks of one) of what is put in."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._chunks: deque[bytes] = deque()
        self._flows = False
        self._ended = False
        self.closed = False

    def flow(self) -> None:
        """Somebody reads from now on: what is put waits for them."""
        self._flows = True

    def put(self, chunk: bytes) -> None:
        """Waits while too much waits to be read; what nobody reads any more is dropped."""
        with self._changed:
            self._changed.wait_for(lambda: self.closed or not self._flows or len(self._chunks) < _DEPTH)
            if not self.closed:
                self._chunks.append(chunk)
                self._changed.notify_all()

    def end(self) -> None:
        """Nothing more comes."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def read(self, size: int = -1) -> bytes:
        """So many bytes (-1: all), fewer only at the end."""
        parts: list[bytes] = []
        missing = size
        with self._changed:
            while missing:
                self._changed.wait_for(lambda: self.closed or self._ended or self._chunks)
                if self.closed or not self._chunks:
                    break
                chunk = self._chunks.popleft()
                self._changed.notify_all()
                if 0 < missing < len(chunk):
                    self._chunks.appendleft(chunk[missing:])
                    chunk = chunk[:missing]
                parts.append(chunk)
                missing -= len(chunk)
        return b"".join(parts)

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        """Nothing more is read: all that waits is let go, and all that comes."""
        with self._changed:
            self.closed = True
            self._chunks.clear()
            self._changed.notify_all()


class Beside:
    """Runs `read` over a pipe in a thread of its own, from `start` until the block is left.

    What it raises is let go: it only hastens what is asked again where it gave no answer.
    """

    def __init__(self, read: Callable[[BytePipe], object]) -> None:
        self._read = read
        self._pipe = BytePipe()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._pipe.close()
        self._pipe.end()
        if self._thread is not None:
            self._thread.join()

    def start(self) -> None:
        if self._thread is None:
            self._pipe.flow()
            self._thread = threading.Thread(target=self._run, name="second reader", daemon=True)
            self._thread.start()

    def put(self, chunk: bytes) -> None:
        self._pipe.put(chunk)

    def _run(self) -> None:
        with suppress(Exception):
            self._read(self._pipe)
        self._pipe.close()
