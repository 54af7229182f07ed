import json
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from shared.backoff import Backoff
from shared.clock import FixedClock
from shared.consumer import Consumer, InProgress, Message
from shared.errors import PoisonMessage, Timeout, UnknownEvent
from shared.events import Envelope, Event, envelope
from shared.inbox import Claim
from shared.observability import logger
from shared.tenancy import TenantId
from tests.fakes.messages import FakeInbox, FakeSqs, bridge_body, bridge_event, sqs_record
from tests.fakes.sample_events import NOON, ThingEnded, ThingHappened, happened

ACME = TenantId("acme")


class World:
    """A consumer with doubles round it; `log` is the order in which things happened."""

    def __init__(self, *, claims: bool = True, together: bool = False) -> None:
        self.log: list[str] = []
        self.clock = FixedClock(NOON)
        self.sqs = FakeSqs(self.log)
        self.inbox = FakeInbox(self.clock, self.log)
        self.effect: Callable[[Envelope, Event], None] = lambda env, event: None
        self.common_effect: Callable[[], None] = lambda: None
        inbox: Any = self.inbox
        sqs: Any = self.sqs
        self.consumer = Consumer(
            "rollup", [ThingHappened], self.handle, inbox, sqs,
            backoff=Backoff(uniform=lambda low, high: high), lease=timedelta(seconds=90), claims=claims,
            handle_together=self.handle_together if together else None,
        )  # fmt: skip

    def handle(self, env: Envelope, event: Event) -> None:
        self.log.append(f"handle {env.id}")
        self.effect(env, event)

    def handle_together(self, events: Sequence[tuple[Envelope, Event]]) -> None:
        self.log.append("together " + " ".join(env.id for env, _ in events))
        self.common_effect()

    def process(self, *records: dict[str, Any]) -> list[str]:
        failures = self.consumer.process(records)["batchItemFailures"]
        return [each["itemIdentifier"] for each in failures]

    @property
    def handled(self) -> list[str]:
        return [each.removeprefix("handle ") for each in self.log if each.startswith("handle")]


@pytest.fixture
def world() -> World:
    return World()


def record(event_id: str = "e-1", message_id: str = "m-1", receive_count: int = 1) -> dict[str, Any]:
    return sqs_record(bridge_body(happened(id=event_id)), message_id, receive_count)


def test_an_event_is_handled_and_noted_as_done(world: World) -> None:
    got: list[tuple[Envelope, Event]] = []
    world.effect = lambda env, event: got.append((env, event))
    assert world.process(record()) == []
    assert got == [(happened(), ThingHappened(name="a"))]
    assert world.log == ["handle e-1", "complete"]
    assert world.sqs.visibility == []


def test_duplicates_are_handled_once_in_one_batch_and_across_batches(world: World) -> None:
    assert world.process(record(message_id="m-1"), record(message_id="m-2")) == []
    assert world.process(record(message_id="m-3")) == []
    assert world.handled == ["e-1"]


def test_events_may_come_in_any_order(world: World) -> None:
    assert world.process(*[record(f"e-{n}", f"m-{n}") for n in (3, 1, 2)]) == []
    assert world.handled == ["e-3", "e-1", "e-2"]


def test_one_failure_does_not_touch_the_others_of_its_batch(world: World) -> None:
    def effect(env: Envelope, event: Event) -> None:
        if env.id == "e-2":
            raise Timeout("the lake did not answer")

    world.effect = effect
    assert world.process(*[record(f"e-{n}", f"m-{n}") for n in (1, 2, 3)]) == ["m-2"]
    assert world.inbox.claims["acme", "rollup", "e-1"] == Claim.DONE
    assert ("acme", "rollup", "e-2") not in world.inbox.claims
    [row] = world.inbox.rows
    assert (row["message_id"], row["tenant"], row["code"], row["detail"]) == (
        "m-2", "acme", "TIMEOUT", "the lake did not answer",
    )  # fmt: skip
    assert "Timeout: the lake did not answer" in row["trace"]
    assert "in effect" in row["trace"]
    assert len(row["body_sha"]) == 64


def test_the_failure_row_comes_before_the_report(world: World) -> None:
    world.effect = raises(ValueError("boom"))
    assert world.process(record()) == ["m-1"]
    assert world.log == ["handle e-1", "release", "failure UNHANDLED", "visibility 4"]
    assert world.inbox.rows[0]["detail"] == "ValueError: boom"


def test_a_failed_event_is_handled_at_its_next_delivery_and_its_row_is_closed(world: World) -> None:
    world.effect = raises(ValueError("boom"))
    world.process(record())
    world.effect = lambda env, event: None
    assert world.process(record(receive_count=2)) == []
    assert world.inbox.resolved == ["m-1"]
    assert world.handled == ["e-1", "e-1"]


def test_back_off_grows_with_the_receive_count(world: World) -> None:
    world.effect = raises(ValueError("boom"))
    for count in (1, 2, 3):
        world.process(record(receive_count=count))
    assert [seconds for _, seconds in world.sqs.visibility] == [4, 8, 16]
    assert world.sqs.visibility[0][0] == "receipt-m-1"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("not json", "POISON_MESSAGE"),
        ("[1]", "POISON_MESSAGE"),
        ("{}", "POISON_MESSAGE"),
        (json.dumps({**bridge_event(happened()), "detail": {"x": 1}}), "POISON_MESSAGE"),
        (json.dumps({**bridge_event(happened()), "source": "aws.s3"}), "POISON_MESSAGE"),
        (
            bridge_body(envelope(ThingEnded(name="a"), tenant=ACME, id="e", time=NOON)),
            "UNKNOWN_EVENT",
        ),
    ],
)
def test_poison_is_filed_under_unknown_and_sent_on_quickly(world: World, body: str, code: str) -> None:
    assert world.process(sqs_record(body, "bad", receive_count=4), record()) == ["bad"]
    [row] = world.inbox.rows
    assert (row["code"], row["tenant"], row["receive_count"]) == (code, None, 4)
    assert world.sqs.visibility == [("receipt-bad", 1)]
    assert world.handled == ["e-1"]


def test_a_handler_may_find_poison_of_a_known_tenant(world: World) -> None:
    world.effect = raises(PoisonMessage("no such bill"))
    assert world.process(record()) == ["m-1"]
    assert world.inbox.rows[0]["tenant"] == "acme"
    assert world.sqs.visibility == [("receipt-m-1", 1)]


def test_an_event_in_progress_waits_for_the_lease_without_a_failure(world: World) -> None:
    world.inbox.claim(ACME, "rollup", "e-1", lease=timedelta(seconds=90))
    assert world.process(record()) == ["m-1"]
    assert world.inbox.rows == []
    assert world.sqs.visibility == [("receipt-m-1", 90)]
    world.clock.advance(timedelta(seconds=90))
    assert world.process(record(receive_count=2)) == []
    assert world.handled == ["e-1"]


class Killed(BaseException):
    """The process ends in the middle of its work."""


def test_a_killed_worker_leaves_its_message_to_the_next(world: World) -> None:
    world.inbox.release = lambda *_, **__: None  # type: ignore[method-assign] # the dead release nothing
    world.effect = raises(Killed())
    with pytest.raises(Killed):
        world.process(record())
    assert world.inbox.rows == []
    world.effect = lambda env, event: None
    assert world.process(record(receive_count=2)) == ["m-1"]
    world.clock.advance(timedelta(seconds=90))
    assert world.process(record(receive_count=3)) == []
    assert world.handled == ["e-1", "e-1"]


def test_a_crash_before_completion_handles_the_event_again(world: World) -> None:
    complete, broken = world.inbox.complete, [True]

    def failing(tenant: TenantId, consumer: str, event_id: str) -> None:
        if broken:
            broken.pop()
            raise ClientError({"Error": {"Code": "InternalServerError", "Message": ""}}, "UpdateItem")
        complete(tenant, consumer, event_id)

    world.inbox.complete = failing  # type: ignore[method-assign]
    assert world.process(record()) == ["m-1"]
    assert broken == []
    world.clock.advance(timedelta(seconds=90))
    assert world.process(record(receive_count=2)) == []
    assert world.handled == ["e-1", "e-1"]


def refused(*arguments: Any, **named: Any) -> None:
    raise ClientError({"Error": {"Code": "Refused", "Message": ""}}, "Anything")


@pytest.mark.parametrize("broken", ["record_failure", "release"])
def test_a_failing_inbox_does_not_hide_the_failure(
    world: World, broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.inbox, broken, refused)
    world.effect = raises(ValueError("boom"))
    assert world.process(record()) == ["m-1"]
    assert [seconds for _, seconds in world.sqs.visibility] == [4]


def test_a_message_that_is_handled_stays_so_though_its_row_cannot_be_closed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.inbox, "resolve_failure", refused)
    assert world.process(record(receive_count=2)) == []


def test_a_message_whose_visibility_cannot_be_changed_is_still_reported(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.sqs, "change_message_visibility", refused)
    world.effect = raises(ValueError("boom"))
    assert world.process(record()) == ["m-1"]


def test_the_queue_is_asked_for_its_url_once(world: World) -> None:
    world.effect = raises(ValueError("boom"))
    for _ in range(3):
        world.process(record())
    assert world.sqs.queues_asked == ["queue"]


def test_tenant_and_correlation_are_bound_while_the_event_is_handled(world: World) -> None:
    seen: list[dict[str, Any]] = []
    world.effect = lambda env, event: seen.append(dict(logger.thread_safe_get_current_keys()))
    world.process(record())
    assert seen == [{"tenant": "acme", "correlation_id": "c-1"}]
    assert logger.thread_safe_get_current_keys() == {}


def test_consume_raises_for_a_poller(world: World) -> None:
    message = Message.from_lambda(record())
    world.consumer.consume(message)
    world.consumer.consume(message)
    assert world.handled == ["e-1"]
    assert world.consumer.tenant_of(message) == "acme"
    unknown = bridge_body(envelope(ThingEnded(name="a"), tenant=ACME, id="e", time=NOON))
    with pytest.raises(UnknownEvent):
        world.consumer.consume(Message("m", unknown, "r", 1))
    world.inbox.claim(ACME, "rollup", "e-2", lease=timedelta(seconds=90))
    with pytest.raises(InProgress) as caught:
        world.consumer.consume(Message.from_lambda(record("e-2")))
    assert caught.value.retry_after == 90


class TestWithoutClaims:
    """A handler that is one conditional write: the inbox holds its failure rows alone."""

    @pytest.fixture
    def world(self) -> World:
        return World(claims=False)

    def test_every_delivery_is_handled_and_nothing_is_noted(self, world: World) -> None:
        assert world.process(record(message_id="m-1"), record(message_id="m-2")) == []
        assert world.log == ["handle e-1", "handle e-1"]
        assert world.inbox.claims == {}

    def test_what_another_worker_holds_is_not_waited_for(self, world: World) -> None:
        world.inbox.claim(ACME, "rollup", "e-1", lease=timedelta(seconds=90))
        assert world.process(record()) == []

    def test_a_failure_has_its_row_before_the_report_and_its_next_delivery_closes_it(
        self, world: World
    ) -> None:
        world.effect = raises(ValueError("boom"))
        assert world.process(record(), record("e-2", "m-2")) == ["m-1", "m-2"]
        assert world.log[:3] == ["handle e-1", "failure UNHANDLED", "visibility 4"]
        world.effect = lambda env, event: None
        assert world.process(record(receive_count=2)) == []
        assert world.inbox.resolved == ["m-1"]

    def test_a_killed_worker_leaves_its_message_to_the_next_at_once(self, world: World) -> None:
        world.effect = raises(Killed())
        with pytest.raises(Killed):
            world.process(record())
        world.effect = lambda env, event: None
        assert world.process(record(receive_count=2)) == []
        assert world.handled == ["e-1", "e-1"]

    def test_poison_is_filed(self, world: World) -> None:
        assert world.process(sqs_record("not json", "bad"), record()) == ["bad"]
        assert world.inbox.rows[0]["code"] == "POISON_MESSAGE"
        assert world.handled == ["e-1"]


def test_a_consumer_accepts_something(world: World) -> None:
    inbox: Any = world.inbox
    with pytest.raises(ValueError, match="at least one"):
        Consumer("none", [], world.handle, inbox)


def raises(error: BaseException) -> Callable[[Envelope, Event], None]:
    def effect(env: Envelope, event: Event) -> None:
        raise error

    return effect


class TestEventsHandledTogether:
    @pytest.fixture
    def world(self) -> World:
        return World(claims=False, together=True)

    def test_a_batch_is_one_call_and_one_event_is_handled_alone(self, world: World) -> None:
        assert world.process(record(), record("e-2", "m-2")) == []
        assert world.process(record("e-3", "m-3")) == []
        assert world.log == ["together e-1 e-2", "handle e-3"]

    def test_what_fails_together_is_handled_one_by_one_and_only_what_fails_alone_is_told(
        self, world: World
    ) -> None:
        def effect(env: Envelope, event: Event) -> None:
            if env.id == "e-2":
                raise Timeout("the lake did not answer")

        world.common_effect, world.effect = raises_without_arguments(ValueError("boom")), effect
        assert world.process(*[record(f"e-{n}", f"m-{n}") for n in (1, 2, 3)]) == ["m-2"]
        assert world.log[:3] == ["together e-1 e-2 e-3", "handle e-1", "handle e-2"]
        assert [row["code"] for row in world.inbox.rows] == ["TIMEOUT"]

    def test_a_poison_message_spoils_no_other(self, world: World) -> None:
        assert world.process(record(), sqs_record("no event", "m-2")) == ["m-2"]
        assert world.handled == ["e-1"]
        assert [row["code"] for row in world.inbox.rows] == ["POISON_MESSAGE"]

    def test_a_message_that_has_failed_before_gets_its_row_closed(self, world: World) -> None:
        assert world.process(record(receive_count=2), record("e-2", "m-2")) == []
        assert world.handled == ["e-1", "e-2"]
        assert world.inbox.resolved == ["m-1"]

    def test_what_is_claimed_is_claimed_one_by_one(self) -> None:
        with pytest.raises(ValueError, match="one by one"):
            World(claims=True, together=True)


def raises_without_arguments(error: Exception) -> Callable[[], None]:
    def effect() -> None:
        raise error

    return effect
