"""How many queries a worker runs at once; one that brought a worker down runs alone."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Slots:
    def __init__(self, size: int) -> None:
        self._size = size
        self._used = 0
        self._alone_waiting = 0
        self._changed = threading.Condition()

    @contextmanager
    def taken(self, deadline: float, *, alone: bool = False) -> Iterator[bool]:
        """Whether there was a slot before `deadline` (of time.monotonic()), held for the time of the block.

        `alone`: all slots; who wants them goes before others, or would wait for ever.
        """
        needed = self._size if alone else 1
        with self._changed:
            self._alone_waiting += alone
            try:
                got = self._changed.wait_for(
                    lambda: self._used + needed <= self._size and (alone or not self._alone_waiting),
                    max(deadline - time.monotonic(), 0.001),
                )
                self._used += needed if got else 0
            finally:
                self._alone_waiting -= alone
                self._changed.notify_all()
        try:
            yield got
        finally:
            with self._changed:
                self._used -= needed if got else 0
                self._changed.notify_all()
