"""Threads of the server beside its requests: queries that nobody waits for, and one that beats."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta

_LAST_WORDS_SECONDS = 5.0
"""For queries that are ended with the server to be put on record as ended."""


class Background:
    def __init__(self, beat: Callable[[], None], every: timedelta) -> None:
        """`beat` raises nothing."""
        self._lock = threading.Lock()
        self._threads: set[threading.Thread] = set()
        self._closed = threading.Event()
        self._beat = beat
        self._every = every.total_seconds()
        threading.Thread(target=self._beats, name="query-beat", daemon=True).start()

    def spawn(self, work: Callable[[], None]) -> None:
        """Run `work`, which raises nothing, in a thread of its own."""

        def run() -> None:
            try:
                work()
            finally:
                with self._lock:
                    self._threads.discard(thread)

        thread = threading.Thread(target=run, name="query-beside", daemon=True)
        with self._lock:
            self._threads.add(thread)
        thread.start()

    def close(self) -> None:
        """Wait a little for what was spawned, which was told to end."""
        self._closed.set()
        deadline = time.monotonic() + _LAST_WORDS_SECONDS
        with self._lock:
            left = list(self._threads)
        for thread in left:
            thread.join(max(deadline - time.monotonic(), 0))

    def _beats(self) -> None:
        while not self._closed.wait(self._every):
            self._beat()
