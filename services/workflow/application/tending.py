"""What reconciling's passes have in common: bounded work, in turns, and nothing that holds up the rest."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

from services.workflow.domain.start_ports import Marks
from shared.clock import Clock
from shared.observability import logger

T = TypeVar("T")
Row = TypeVar("Row", covariant=True)
SHARDS = 8
PAGE = 25
PAGES = 4
"""Of one shard in one pass."""


class Reads(Protocol[Row]):
    """Reads a page of an index's shard, and where the next one begins (None: this was the last)."""

    def __call__(self, shard: int, *, after: str | None, limit: int) -> tuple[Sequence[Row], str | None]: ...


def swept(
    name: str, read: Reads[T], marks: Marks, clock: Clock, time_is_up: Callable[[], bool]
) -> Iterator[T]:
    """The rows of all shards, from where the last pass has stopped, while there is time. A page counts as
    done when all of its rows were taken; each minute begins with another shard."""
    first = int(clock.now().timestamp()) // 60
    for turn in range(SHARDS):
        shard = (first + turn) % SHARDS
        mark = f"{name}-{shard}"
        for _ in range(PAGES):
            if time_is_up():
                return
            rows, following = read(shard, after=marks.get(mark), limit=PAGE)
            for row in rows:
                if time_is_up():
                    return
                yield row
            marks.put(mark, following)
            if following is None:
                break


def safely(duty: Callable[[], T], what: str) -> T | None:
    """What the duty answers; None where it failed, which is logged: the next pass looks again."""
    try:
        return duty()
    except Exception:  # noqa: BLE001 - whatever is wrong with one row, the others' turns come
        logger.warning(f"{what} could not be tended", exc_info=True)
        return None
