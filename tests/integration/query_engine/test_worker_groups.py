"""Who goes to which worker, and what becomes of those who lose it because of another."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from services.query_engine.adapters.worker import Size
from services.query_engine.adapters.worker_pool import WorkerPool
from services.query_engine.domain.answers import Answer, Limits
from services.query_engine.domain.errors import QUERY_BUSY, QUERY_CANCELLED, QUERY_TIMEOUT, WORKER_LOST
from services.query_engine.domain.plan import Plan
from shared.errors import OnyxError
from shared.tenancy import TenantId
from tests.fakes.query_engine_workers import Credentials, acting
from tests.integration.query_engine.conftest import eventually

LIMITS = Limits(rows=1, bytes=100)
ACME = TenantId("acme")


class Asking:
    """A pool of workers that do what they are told, and queries in the background."""

    def __init__(self, folder: Path, workers: int, threads: int) -> None:
        size = Size(memory=2**30, threads=threads, frames=0, files=0, folder=folder)
        self.folder = folder
        self.pool = WorkerPool(workers=workers, size=size, waiting=4, storage=Credentials(2), target=acting)
        self._threads = ThreadPoolExecutor(8)

    def ask(
        self, act: str, tenant: TenantId = ACME, seconds: float = 60, stop: threading.Event | None = None
    ) -> int:
        """The process that answered."""
        answer = self.pool.run(tenant, Plan("polars", act, (), ()), LIMITS, seconds, stop)
        return int(answer.rows)

    def later(self, act: str, tenant: TenantId = ACME, seconds: float = 60) -> "Future[int]":
        return self._threads.submit(self.ask, act, tenant, seconds)

    def let(self, name: str) -> None:
        """What waits for `name` goes on, in whichever worker."""
        for each in self.folder.glob("worker-*"):
            (each / name).touch()

    def homes(self) -> tuple[TenantId, TenantId]:
        """Two tenants with workers of their own."""
        names = [TenantId(f"tenant-{number}") for number in range(50)]
        first = next(each for each in names if self.pool.order(each)[0] == 0)
        return first, next(each for each in names if self.pool.order(each)[0] == 1)

    def close(self) -> None:
        self.pool.close()
        self._threads.shutdown(cancel_futures=True)


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[..., Asking]]:
    made: list[Asking] = []

    def start(workers: int = 1, threads: int = 3) -> Asking:
        made.append(Asking(tmp_path / "workers", workers, threads))
        return made[-1]

    yield start
    for each in made:
        each.close()


def code_of(asked: "Callable[[], int] | Future[int]") -> str:
    with pytest.raises(OnyxError) as caught:
        asked.result(60) if isinstance(asked, Future) else asked()
    return caught.value.code


def test_a_tenant_keeps_to_its_worker_while_it_is_idle(started: Callable[..., Asking]) -> None:
    asking = started(workers=2)
    one, two = asking.homes()
    assert len({asking.ask("answer", one) for _ in range(10)}) == 1
    assert asking.ask("answer", one) != asking.ask("answer", two)


def test_a_busy_worker_holds_up_nobody_as_long_as_another_is_idle(started: Callable[..., Asking]) -> None:
    asking = started(workers=2)
    one, two = asking.homes()
    home, other = asking.ask("answer", one), asking.ask("answer", two)
    slow = asking.later("wait", one)
    eventually(lambda: asking.pool._load[0] == 1)
    assert {asking.ask("answer", one) for _ in range(5)} == {other}
    asking.let("wait")
    assert slow.result(60) == home
    assert asking.ask("answer", one) == home


def test_a_worker_that_is_gone_is_replaced_and_others_answer_meanwhile(
    started: Callable[..., Asking],
) -> None:
    asking = started(workers=2)
    one, two = asking.homes()
    home, other = asking.ask("answer", one), asking.ask("answer", two)
    os.kill(home, signal.SIGKILL)
    assert asking.ask("answer", one) != home
    assert asking.ask("answer", two) == other
    eventually(lambda: asking.ask("answer", one) not in (home, other), 60)


def test_a_worker_that_is_being_replaced_is_waited_for_rather_than_shared(
    started: Callable[..., Asking],
) -> None:
    """Beside a long query another is not answered: a worker that is about to come up is the better one."""
    asking = started(workers=2)
    one, two = asking.homes()
    home, other = asking.ask("answer", one), asking.ask("answer", two)
    slow = asking.later("wait", one)
    eventually(lambda: asking.pool._load[0] == 1)
    (asking.folder / "later").touch()
    os.kill(other, signal.SIGKILL)
    eventually(lambda: not asking.pool._groups[1].up)
    waiting = asking.later("answer", two)
    eventually(lambda: asking.pool._load[1] == 1)
    (asking.folder / "later").unlink()
    assert waiting.result(60) not in (home, other)
    asking.let("wait")
    assert slow.result(60) == home


def test_who_waits_for_a_worker_that_starts_goes_to_one_that_becomes_idle_before(
    started: Callable[..., Asking],
) -> None:
    asking = started(workers=2)
    one, two = asking.homes()
    home, other = asking.ask("answer", one), asking.ask("answer", two)
    slow = asking.later("wait", one)
    eventually(lambda: asking.pool._load[0] == 1)
    (asking.folder / "later").touch()
    os.kill(other, signal.SIGKILL)
    eventually(lambda: not asking.pool._groups[1].up)
    waiting = asking.later("answer", two)
    eventually(lambda: asking.pool._load[1] == 1)
    asking.let("wait")
    assert slow.result(60) == home
    assert waiting.result(60) == home
    assert not asking.pool._groups[1].up
    assert asking.pool._load == [0, 0]
    (asking.folder / "later").unlink()


def test_who_waits_for_a_worker_that_does_not_start_is_told_in_time(started: Callable[..., Asking]) -> None:
    asking = started()
    home = asking.ask("answer")
    (asking.folder / "later").touch()
    os.kill(home, signal.SIGKILL)
    eventually(lambda: not asking.pool._groups[0].up)
    assert code_of(lambda: asking.ask("answer", seconds=0.5)) == QUERY_BUSY
    waiting = asking.later("answer")
    eventually(lambda: asking.pool._load[0] == 1)
    asking.pool.close()
    assert code_of(waiting) == QUERY_BUSY


def test_who_brings_a_worker_down_is_told_and_who_was_beside_is_answered(
    started: Callable[..., Asking],
) -> None:
    asking = started()
    before = asking.ask("answer")
    beside = asking.later("wait")
    eventually(lambda: asking.pool._load[0] == 1)
    killer = asking.later("die")
    # Both are sent again, each alone, in whichever order.
    eventually(lambda: before not in asking.pool.pids())
    asking.let("wait")
    assert code_of(killer) == WORKER_LOST
    assert beside.result(60) != before
    assert asking.ask("answer") not in (before, 0)


def test_a_query_that_was_alone_is_told_at_once(started: Callable[..., Asking]) -> None:
    asking = started()
    assert code_of(lambda: asking.ask("die once")) == WORKER_LOST
    # It was not sent again: that would have been answered.
    assert asking.ask("die once")


def test_a_query_that_does_not_end_in_time_takes_its_worker_and_not_its_neighbour(
    started: Callable[..., Asking],
) -> None:
    asking = started()
    before = asking.ask("answer")
    beside = asking.later("wait")
    eventually(lambda: asking.pool._load[0] == 1)
    assert code_of(lambda: asking.ask("hang", seconds=0.3)) == QUERY_TIMEOUT
    asking.let("wait")
    assert beside.result(60) != before


def test_what_can_be_interrupted_costs_no_worker(started: Callable[..., Asking]) -> None:
    asking = started()
    before = asking.ask("answer")
    assert code_of(lambda: asking.ask("wait", seconds=0.3)) == QUERY_TIMEOUT
    stop = threading.Event()
    stop.set()
    assert code_of(lambda: asking.ask("wait", stop=stop)) == QUERY_CANCELLED
    assert asking.ask("answer") == before


def test_more_than_may_wait_are_refused(started: Callable[..., Asking]) -> None:
    asking = started(threads=1)
    waiting = [asking.later("wait") for _ in range(5)]
    eventually(lambda: asking.pool._load[0] == 5)
    assert code_of(lambda: asking.ask("answer")) == QUERY_BUSY
    asking.let("wait")
    assert len({each.result(60) for each in waiting}) == 1
    assert isinstance(asking.pool.run(ACME, Plan("polars", "answer", (), ()), LIMITS, 30), Answer)
