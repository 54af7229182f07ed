"""Identifiers: time-sortable new ones, and ones derived from what they name."""

import hashlib
import secrets
import threading
import uuid
from collections.abc import Callable
from typing import Protocol

from shared.clock import Clock, SystemClock


class Ids(Protocol):
    """Makes identifiers that were never used before."""

    def new(self) -> str: ...


class UuidIds:
    """UUIDv7 (RFC 9562): the text of a later id sorts after the text of an earlier one of this process.

    The 12 bits after the milliseconds are a counter within the millisecond; when it runs over, the
    time part moves on by one, so that order holds even if the clock stands still or steps back.
    """

    _COUNTER_LIMIT = 1 << 12

    def __init__(
        self, clock: Clock | None = None, random_bits: Callable[[int], int] = secrets.randbits
    ) -> None:
        self._clock = clock or SystemClock()
        self._random_bits = random_bits
        self._lock = threading.Lock()
        self._last_ms = -1
        self._counter = 0

    def new(self) -> str:
        ms, counter = self._tick(int(self._clock.now().timestamp() * 1000))
        value = (ms & ((1 << 48) - 1)) << 80
        value |= 0x7 << 76 | counter << 64
        value |= 0b10 << 62 | self._random_bits(62)
        return str(uuid.UUID(int=value))

    def _tick(self, now_ms: int) -> tuple[int, int]:
        with self._lock:
            if now_ms > self._last_ms:
                # Start in the lower half: room to count, and two processes rarely start alike.
                self._last_ms, self._counter = now_ms, self._random_bits(11)
            else:
                self._counter += 1
                if self._counter >= self._COUNTER_LIMIT:
                    self._last_ms, self._counter = self._last_ms + 1, 0
            return self._last_ms, self._counter


class SequenceIds:
    """`id-1`, `id-2`, ... for tests."""

    def __init__(self, prefix: str = "id") -> None:
        self._prefix = prefix
        self._count = 0

    def new(self) -> str:
        self._count += 1
        return f"{self._prefix}-{self._count}"


def deterministic_id(*parts: str) -> str:
    """32 hex characters that depend on the parts and on where one ends and the next begins.

    The first 128 bits of sha256 over each part's length (8 bytes) and UTF-8 text, so that
    ("ab", "c") and ("a", "bc") differ. Raises ValueError without parts.
    """
    if not parts:
        raise ValueError("an id needs at least one part")
    digest = hashlib.sha256()
    for part in parts:
        encoded = part.encode()
        digest.update(len(encoded).to_bytes(8, "big"))
        digest.update(encoded)
    return digest.hexdigest()[:32]
