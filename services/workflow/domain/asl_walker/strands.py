"""Strands on a virtual clock: what seems to run at the same time, one turn after the other.

A strand is a generator. It yields wishes (`turn`, `sleep`, `fork` or its own), each a function that arranges
for the strand to be woken; what it is woken with is the value of its `yield`, or is raised there.
"""

import heapq
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from services.workflow.domain.asl_walker.paths import StatesError


@dataclass(eq=False)
class Strand:
    """`ended` gets the error that ended it, or None. `turns` counts up whenever it is resumed, so that what
    was meant for an earlier wait does nothing."""

    code: "Code"
    ended: Callable[[StatesError | None], None]
    inner: list["Strand"] = field(default_factory=list)
    alive: bool = True
    turns: int = 0

    def kill(self) -> None:
        """It and all within it do nothing more."""
        self.alive = False
        for each in self.inner:
            each.kill()


Wish = Callable[[Strand], None]
Code = Generator[Wish, Any, Any]


class Strands:
    """All strands of one execution. Of those that are ready, `pick` (of their number) says whose turn it
    is."""

    def __init__(self, now: datetime, pick: Callable[[int], int]) -> None:
        self.now = now
        self._pick = pick
        self._ready: list[tuple[Strand, int, Any]] = []
        self._timers: list[tuple[datetime, int, Callable[[], None]]] = []
        self._set = 0

    def begin(self, code: Code, ended: Callable[[StatesError | None], None]) -> Strand:
        strand = Strand(code, ended)
        self._ready.append((strand, 0, None))
        return strand

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        """Has `act` done at a later moment."""
        self._set += 1
        heapq.heappush(self._timers, (self.now + timedelta(seconds=seconds), self._set, act))

    def advance(self) -> bool:
        """One turn of one strand, or else the next moment at which something happens; False where there is
        neither."""
        if self._ready:
            self._resume(*self._ready.pop(self._pick(len(self._ready))))
        elif self._timers:
            when, _, act = heapq.heappop(self._timers)
            self.now = max(self.now, when)
            act()
        else:
            return False
        return True

    def waker(self, strand: Strand) -> Callable[[Any], None]:
        """Wakes the strand from the wait that it begins now, with a value or an error; only once."""
        turn = strand.turns
        return lambda value: self._ready.append((strand, turn, value))

    def turn(self, strand: Strand) -> None:
        """A wish: whoever else is ready may come first."""
        self.waker(strand)(None)

    def sleep(self, seconds: float) -> Wish:
        """A wish."""

        def sleep(strand: Strand) -> None:
            wake = self.waker(strand)
            self.later(seconds, lambda: wake(None))

        return sleep

    def fork(self, codes: Sequence[Code], most: int) -> Wish:
        """A wish: all of `codes`, `most` of them at once. The first that fails ends the others, and its error
        is raised in the strand."""

        def fork(strand: Strand) -> None:
            wake, waiting, going = self.waker(strand), list(codes), 0
            strand.inner.clear()

            def begin() -> None:
                nonlocal going
                while waiting and going < most:
                    going += 1
                    strand.inner.append(self.begin(waiting.pop(0), ended))
                if not going:
                    wake(None)

            def ended(error: StatesError | None) -> None:
                nonlocal going
                going -= 1
                if error is None:
                    begin()
                    return
                for each in strand.inner:
                    each.kill()
                wake(error)

            begin()

        return fork

    def _resume(self, strand: Strand, turn: int, value: Any) -> None:
        if not strand.alive or strand.turns != turn:
            return
        strand.turns += 1
        try:
            wish = strand.code.throw(value) if isinstance(value, StatesError) else strand.code.send(value)
        except StopIteration:
            strand.alive = False
            strand.ended(None)
        except StatesError as error:
            strand.kill()
            strand.ended(error)
        else:
            wish(strand)
