"""What ends together in Step Functions: an execution, or the branches of one state within it."""

import threading
from collections.abc import Iterator


class Stopped(Exception):  # noqa: N818 - no error
    """What this thread walks has ended."""


class Scope:
    """An execution, or the branches of one Parallel or Map state within it."""

    def __init__(self, outer: "Scope | None" = None) -> None:
        self._lock = threading.Lock()
        self._ended = False
        self._waiting: set[threading.Event] = set()
        self._outer = outer

    @property
    def ended(self) -> bool:
        return self._ended or (self._outer is not None and self._outer.ended)

    def end(self) -> None:
        """Wakes all who wait here; those within are watched from the outside (`wait`)."""
        with self._lock:
            self._ended = True
            for event in self._waiting:
                event.set()

    def wait(self, event: threading.Event, seconds: float | None) -> bool:
        """Whether `event` happened within so many seconds. Raises Stopped once the scope has ended."""
        scopes = list(self._with_outer())
        for scope in scopes:
            with scope._lock:
                scope._waiting.add(event)
        try:
            happened = not self.ended and event.wait(seconds)
        finally:
            for scope in scopes:
                with scope._lock:
                    scope._waiting.discard(event)
        if self.ended:
            raise Stopped
        return happened

    def _with_outer(self) -> Iterator["Scope"]:
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope._outer
