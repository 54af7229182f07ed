"""The wish that a query ends, told from one thread to another."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Stop:
    """Callable: whether the query is not wanted any more."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._set = False
        self._calls: list[Callable[[], object]] = []

    def __call__(self) -> bool:
        return self._set

    def set(self) -> None:
        with self._lock:
            self._set = True
            for each in self._calls:
                each()

    @contextmanager
    def interrupting(self, call: Callable[[], object]) -> Iterator[None]:
        """While the block runs, `call` is what makes it end early; it may be called from another thread."""
        with self._lock:
            self._calls.append(call)
            if self._set:
                call()
        try:
            yield
        finally:
            with self._lock:
                self._calls.remove(call)
