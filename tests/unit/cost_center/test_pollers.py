"""Pollers that share a task: one that dies takes the task down, and the others end in order."""

import threading
from typing import Any

import pytest

from services.cost_center.handlers.pollers import run_together


class FakePoller:
    def __init__(self, error: Exception | None = None) -> None:
        self.stop = threading.Event()
        self.error = error
        self.started = threading.Event()
        self.ended = False

    def run(self) -> None:
        self.started.set()
        if self.error is not None:
            raise self.error
        assert self.stop.wait(30)
        self.ended = True


def in_a_thread(pollers: Any, stop: threading.Event, raised: list[BaseException]) -> threading.Thread:
    def task() -> None:
        try:
            run_together(pollers, stop)
        except Exception as error:  # noqa: BLE001 - the test looks at it
            raised.append(error)

    thread = threading.Thread(target=task)
    thread.start()
    return thread


def test_all_run_until_the_task_is_told_to_stop() -> None:
    pollers, stop, raised = [FakePoller(), FakePoller()], threading.Event(), list[BaseException]()
    task = in_a_thread(pollers, stop, raised)
    assert all(each.started.wait(30) for each in pollers)
    stop.set()
    task.join(30)
    assert not task.is_alive()
    assert raised == []
    assert all(each.ended for each in pollers)


@pytest.mark.parametrize("place", [0, 1])
def test_one_that_dies_takes_the_task_down_after_the_others_have_finished(place: int) -> None:
    lives = FakePoller()
    pollers = [lives]
    pollers.insert(place, FakePoller(RuntimeError("out of memory")))
    raised: list[BaseException] = []
    task = in_a_thread(pollers, threading.Event(), raised)
    task.join(30)
    assert not task.is_alive()
    assert [str(error) for error in raised] == ["out of memory"]
    assert lives.ended
