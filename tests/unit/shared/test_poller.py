import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from shared.backoff import Backoff
from shared.clock import FixedClock
from shared.consumer import Poller, stop_on_signals
from shared.errors import PoisonMessage
from shared.messages import Message
from shared.tenancy import TenantId
from tests.fakes.messages import FakeInbox, FakeSqs
from tests.fakes.sample_events import NOON

DEADLINE = 10.0


def until(condition: Callable[[], bool]) -> None:
    """Wait for `condition`, a short while at a time and not for ever."""
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, "waited too long"
        threading.Event().wait(0.002)


class FakeQueue(FakeSqs):
    """A queue that hands out what it is given; `waiting` is set while a poll waits."""

    def __init__(self, log: list[str]) -> None:
        super().__init__(log)
        self.bodies: list[str] = []
        self.requests: list[dict[str, Any]] = []
        self.deleted: list[str] = []
        self.errors: list[Exception] = []

    def receive_message(self, **request: Any) -> dict[str, Any]:
        self.requests.append(request)
        if self.errors:
            raise self.errors.pop()
        taken = [self.bodies.pop(0) for _ in self.bodies[: request["MaxNumberOfMessages"]]]
        if not taken:
            threading.Event().wait(0.002)
            return {}
        return {
            "Messages": [
                {
                    "MessageId": body, "Body": body, "ReceiptHandle": f"receipt-{body}",
                    "Attributes": {"ApproximateReceiveCount": "2"},
                }
                for body in taken
            ]
        }  # fmt: skip

    def delete_message(self, *, QueueUrl: str, ReceiptHandle: str) -> None:  # noqa: N803
        self.deleted.append(ReceiptHandle)
        self.log.append("delete")


class World:
    def __init__(self) -> None:
        self.log: list[str] = []
        self.queue = FakeQueue(self.log)
        self.inbox = FakeInbox(FixedClock(NOON), self.log)
        self.stop = threading.Event()
        self.effect: Callable[[Message], None] = lambda message: None
        self.handled: list[str] = []

    def handle(self, message: Message) -> None:
        self.effect(message)
        self.handled.append(message.body)

    def poller(self, **changes: Any) -> Poller:
        queue: Any = self.queue
        inbox: Any = self.inbox
        arguments: dict[str, Any] = {
            "heartbeat_seconds": 1000, "name": "ingester", "inbox": inbox,
            "backoff": Backoff(uniform=lambda low, high: high),
        }  # fmt: skip
        return Poller("https://queue", self.handle, queue, self.stop, **(arguments | changes))

    @contextmanager
    def running(self, **changes: Any) -> Iterator[threading.Thread]:
        thread = threading.Thread(target=self.poller(**changes).run)
        thread.start()
        try:
            yield thread
        finally:
            self.stop.set()
            thread.join(DEADLINE)
            assert not thread.is_alive()


@pytest.fixture
def world() -> World:
    return World()


def raises(error: Exception) -> Callable[[Message], None]:
    def effect(message: Message) -> None:
        raise error

    return effect


def test_messages_are_handled_deleted_and_their_old_failures_closed(world: World) -> None:
    world.queue.bodies = ["a", "b", "c"]
    with world.running():
        until(lambda: len(world.queue.deleted) == 3)
    assert world.handled == ["a", "b", "c"]
    assert world.queue.deleted == ["receipt-a", "receipt-b", "receipt-c"]
    assert world.inbox.resolved == ["a", "b", "c"]
    first = world.queue.requests[0]
    assert (first["MaxNumberOfMessages"], first["WaitTimeSeconds"], first["VisibilityTimeout"]) == (
        1,
        1,
        3000,
    )


def test_a_failure_is_filed_then_backed_off_and_never_deleted(world: World) -> None:
    world.queue.bodies = ["a"]
    world.effect = raises(ValueError("boom"))
    assert world.poller(tenant_of=lambda message: TenantId("acme")).poll_once() == 0
    assert world.log == ["failure UNHANDLED", "visibility 8"]
    assert world.inbox.rows[0]["tenant"] == "acme"
    assert world.queue.deleted == []


def test_poison_goes_back_at_once_towards_its_dlq(world: World) -> None:
    world.queue.bodies = ["not json"]
    world.effect = lambda message: message.json() and None
    world.poller().poll_once()
    assert world.log == ["failure POISON_MESSAGE", "visibility 1"]
    assert world.inbox.rows[0]["tenant"] is None


@pytest.mark.parametrize("body", ["", "nope", "[]", "null"])
def test_a_message_that_is_no_json_object_is_poison(body: str) -> None:
    with pytest.raises(PoisonMessage):
        Message("m", body, "r", 1).json()


def test_a_heartbeat_keeps_the_message_hidden_while_it_is_handled_and_not_after(world: World) -> None:
    world.queue.bodies = ["a"]
    world.effect = lambda message: until(lambda: len(world.queue.visibility) >= 3)
    world.poller(heartbeat_seconds=0.01).poll_once()
    beats = len(world.queue.visibility)
    assert set(world.queue.visibility) == {("receipt-a", 1)}
    assert world.log[-1] == "delete"
    threads = [each.name for each in threading.enumerate()]
    assert "ingester-heartbeat" not in threads
    assert len(world.queue.visibility) == beats


def test_a_heartbeat_is_heard_and_a_listener_that_fails_stops_no_beat(world: World) -> None:
    heard: list[str] = []

    def listen(message: Message) -> None:
        heard.append(message.message_id)
        raise ValueError("deaf")

    world.queue.bodies = ["a"]
    world.effect = lambda message: until(lambda: len(heard) >= 3)
    assert world.poller(heartbeat_seconds=0.005, on_beat=listen).poll_once() == 1
    assert set(heard) == {"a"}


@pytest.mark.parametrize(("receives", "delay"), [(2, 0), (3, 8), (None, 8)])
def test_a_message_that_is_out_of_receives_goes_on_to_its_dlq_at_once(
    world: World, receives: int | None, delay: int
) -> None:
    world.queue.bodies = ["a"]  # received for the second time
    world.effect = raises(ValueError("boom"))
    world.poller(receives=receives).poll_once()
    assert world.log == ["failure UNHANDLED", f"visibility {delay}"]


def test_the_heartbeat_never_undoes_the_back_off(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.queue.bodies = ["a"]
    beats, beat = world.queue.visibility, world.queue.change_message_visibility

    def slow_to_back_off(**request: Any) -> None:
        beat(**request)
        if request["VisibilityTimeout"] == 8:
            # Room for twenty heartbeats, of which none may come.
            threading.Event().wait(0.1)

    def effect(message: Message) -> None:
        until(lambda: bool(beats))
        raise ValueError("boom")

    monkeypatch.setattr(world.queue, "change_message_visibility", slow_to_back_off)
    world.effect = effect
    world.poller(heartbeat_seconds=0.005).poll_once()
    assert beats[0] == ("receipt-a", 1)
    assert beats[-1] == ("receipt-a", 8)


def test_a_lost_heartbeat_does_not_stop_the_work(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[int] = []

    def unreachable(**request: Any) -> None:
        tries.append(1)
        raise EndpointConnectionError(endpoint_url="https://queue")

    monkeypatch.setattr(world.queue, "change_message_visibility", unreachable)
    world.queue.bodies = ["a"]
    world.effect = lambda message: until(lambda: len(tries) >= 3)
    assert world.poller(heartbeat_seconds=0.005).poll_once() == 1


def test_stop_lets_the_message_in_hand_finish_and_takes_no_other(world: World) -> None:
    world.queue.bodies = ["a", "b"]
    working, go_on = threading.Event(), threading.Event()

    def effect(message: Message) -> None:
        working.set()
        assert go_on.wait(DEADLINE)

    world.effect = effect
    with world.running():
        assert working.wait(DEADLINE)
        world.stop.set()
        go_on.set()
    assert world.queue.deleted == ["receipt-a"]
    assert world.queue.bodies == ["b"]


def test_stop_gives_back_what_was_received_and_not_begun(world: World) -> None:
    world.queue.bodies = ["a", "b", "c"]
    world.effect = lambda message: world.stop.set()
    assert world.poller(batch_size=3).poll_once() == 1
    assert world.queue.deleted == ["receipt-a"]
    assert world.queue.visibility == [("receipt-b", 0), ("receipt-c", 0)]
    assert world.handled == ["a"]


def test_stop_ends_an_idle_poller(world: World) -> None:
    with world.running() as thread:
        until(lambda: len(world.queue.requests) > 2)
        world.stop.set()
        thread.join(1)
        assert not thread.is_alive()


def test_a_queue_out_of_reach_is_polled_again_and_stop_does_not_wait_for_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(world.stop, "wait", lambda seconds: waits.append(seconds))
    world.queue.errors = [EndpointConnectionError(endpoint_url="https://queue") for _ in range(3)]
    world.queue.bodies = ["a"]
    with world.running():
        until(lambda: bool(world.handled))
    assert waits == [4, 8, 16]


def test_the_guard_is_held_while_a_message_is_handled(world: World) -> None:
    @contextmanager
    def guard() -> Iterator[None]:
        world.log.append("protect")
        yield
        world.log.append("unprotect")

    world.queue.bodies = ["a"]
    world.effect = lambda message: world.log.append("work")
    world.poller(guard=guard).poll_once()
    assert world.log == ["protect", "work", "unprotect", "delete"]


@pytest.mark.parametrize("changes", [{"batch_size": 0}, {"batch_size": 11}, {"wait_seconds": 21}])
def test_what_sqs_does_not_take_is_refused_at_once(world: World, changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="SQS"):
        world.poller(**changes)


def test_signals_stop() -> None:
    before = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGUSR1)}
    try:
        stop = stop_on_signals(signal.SIGUSR1)
        assert not stop.is_set()
        os.kill(os.getpid(), signal.SIGUSR1)
        until(stop.is_set)
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
