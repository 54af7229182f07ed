import json
from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from shared import outbox_relay
from shared.clock import FixedClock
from shared.config import load_settings
from shared.errors import BadRequest, ConfigurationError, Conflict, PayloadTooLarge, Unavailable
from shared.events import Envelope
from shared.outbox import SHARDS, Outbox, Relay, relay, shard_of
from shared.table import TenantTable, transact
from shared.tenancy import TenantId
from tests.fakes.messages import FakeBus
from tests.fakes.sample_events import NOON, happened
from tests.fakes.tables import create_table

ACME = TenantId("acme")
LONG_AGO = NOON - timedelta(days=700)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOON)


def add(dynamodb: Any, *envelopes: Envelope) -> None:
    outbox = Outbox("outbox", dynamodb)
    for each in envelopes:
        transact(dynamodb, [outbox.item(each)])


def rows(dynamodb: Any) -> dict[str, Any]:
    return {row["sk"]["S"]: row for row in dynamodb.scan(TableName="outbox")["Items"]}


def pending(dynamodb: Any) -> set[str]:
    """What the sparse index holds."""
    return {row["sk"]["S"] for row in dynamodb.scan(TableName="outbox", IndexName="by_pending")["Items"]}


def inserted(dynamodb: Any) -> list[dict[str, Any]]:
    """The stream's records as Lambda hands them over."""
    streams = boto3.client("dynamodbstreams")
    arn = dynamodb.describe_table(TableName="outbox")["Table"]["LatestStreamArn"]
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    iterator = streams.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    return list(streams.get_records(ShardIterator=iterator["ShardIterator"])["Records"])


def run(dynamodb: Any, bus: FakeBus, clock: FixedClock, records: list[Any] | None = None) -> list[str]:
    taken: Any = bus
    answer = relay(
        inserted(dynamodb) if records is None else records,
        bus="onyx", events_client=taken, table="outbox", client=dynamodb, clock=clock,
    )  # fmt: skip
    return [each["itemIdentifier"] for each in answer["batchItemFailures"]]


def sequence_of(records: list[Any], event_id: str) -> str:
    return next(
        each["dynamodb"]["SequenceNumber"]
        for each in records
        if each["eventName"] == "INSERT" and each["dynamodb"]["NewImage"]["sk"]["S"] == event_id
    )


@pytest.mark.usefixtures("outbox_table")
class TestOutbox:
    def test_the_event_is_recorded_with_the_state_change_or_not_at_all(self, dynamodb: Any) -> None:
        create_table(dynamodb, "things")
        things, outbox = TenantTable("things", dynamodb), Outbox("outbox", dynamodb)
        transact(dynamodb, [things.tx_put(ACME, "t", {}), outbox.item(happened())])
        with pytest.raises(Conflict):
            transact(dynamodb, [things.tx_put(ACME, "t", {}), outbox.item(happened(id="e-2"))])
        assert rows(dynamodb).keys() == {"e-1"}
        row = rows(dynamodb)["e-1"]
        assert row["pk"] == {"S": "TENANT#acme#OUTBOX"}
        assert row["pending"] == {"S": shard_of("e-1")}
        assert Envelope.model_validate_json(row["envelope"]["S"]) == happened()

    def test_an_event_is_recorded_once(self, dynamodb: Any) -> None:
        add(dynamodb, happened())
        with pytest.raises(Conflict):
            add(dynamodb, happened())

    def test_an_event_too_large_for_the_bus_is_refused_before_the_change(self, dynamodb: Any) -> None:
        with pytest.raises(PayloadTooLarge):
            Outbox("outbox", dynamodb).item(happened("x" * 300_000))

    def test_a_published_row_is_confirmed_and_leaves_the_index(
        self, dynamodb: Any, clock: FixedClock
    ) -> None:
        add(dynamodb, happened())
        assert pending(dynamodb) == {"e-1"}
        bus = FakeBus()
        assert run(dynamodb, bus, clock) == []
        assert bus.published[0]["EventBusName"] == "onyx"
        assert Envelope.model_validate_json(bus.published[0]["Detail"]) == happened()
        row = rows(dynamodb)["e-1"]
        assert pending(dynamodb) == set()
        assert row["published_at"] == {"S": "2026-11-20T12:00:00.000000Z"}
        assert row["ttl"] == {"N": str(int((NOON + timedelta(days=7)).timestamp()))}

    def test_confirmations_and_deletions_in_the_stream_publish_nothing(
        self, dynamodb: Any, clock: FixedClock
    ) -> None:
        add(dynamodb, happened())
        run(dynamodb, FakeBus(), clock)
        key = {name: rows(dynamodb)["e-1"][name] for name in ("pk", "sk")}
        dynamodb.delete_item(TableName="outbox", Key=key)
        later = [each for each in inserted(dynamodb) if each["eventName"] != "INSERT"]
        assert {each["eventName"] for each in later} == {"MODIFY", "REMOVE"}
        bus = FakeBus()
        assert run(dynamodb, bus, clock, later) == []
        assert bus.calls == []

    def test_an_entry_that_the_bus_refuses_is_retried_alone(self, dynamodb: Any, clock: FixedClock) -> None:
        add(dynamodb, *[happened(id=f"e-{n}") for n in range(4)])
        records = inserted(dynamodb)
        bus = FakeBus(refuse=lambda entry: json.loads(entry["Detail"])["id"] == "e-2")
        assert run(dynamodb, bus, clock) == [sequence_of(records, "e-2")]
        assert pending(dynamodb) == {"e-2"}
        assert bus.event_ids() == ["e-0", "e-1", "e-3"]

    @pytest.mark.parametrize(
        "error",
        [
            ClientError({"Error": {"Code": "InternalException", "Message": ""}}, "PutEvents"),
            EndpointConnectionError(endpoint_url="http://bus"),
        ],
    )
    def test_a_bus_that_does_not_answer_fails_every_record_in_order(
        self, dynamodb: Any, clock: FixedClock, error: Exception
    ) -> None:
        add(dynamodb, *[happened(id=f"e-{n}") for n in range(12)])
        bus = FakeBus()
        bus.fail = error
        sequences = [each["dynamodb"]["SequenceNumber"] for each in inserted(dynamodb)]
        assert run(dynamodb, bus, clock) == sequences
        assert len(pending(dynamodb)) == 12

    def test_batches_have_ten_entries_and_256_kb(self, dynamodb: Any, clock: FixedClock) -> None:
        add(dynamodb, *[happened(id=f"small-{n:02}") for n in range(12)])
        add(dynamodb, *[happened("x" * 100_000, id=f"large-{n}") for n in range(3)])
        bus = FakeBus()
        assert run(dynamodb, bus, clock) == []
        assert [len(call) for call in bus.calls] == [10, 4, 1]
        assert all(sum(len(each["Detail"]) for each in call) <= 256 * 1024 for call in bus.calls)
        assert len(bus.published) == 15

    def test_a_crash_between_publication_and_confirmation_publishes_again(
        self, dynamodb: Any, clock: FixedClock
    ) -> None:
        add(dynamodb, happened())
        records = inserted(dynamodb)
        crashed = NoUpdates(dynamodb)
        bus: Any = FakeBus()
        failures = relay(
            records, bus="onyx", events_client=bus, table="outbox", client=crashed, clock=clock  # type: ignore[arg-type]
        )  # fmt: skip
        assert crashed.hits == 1
        assert failures["batchItemFailures"] == [{"itemIdentifier": sequence_of(records, "e-1")}]
        assert pending(dynamodb) == {"e-1"}
        assert run(dynamodb, bus, clock, records) == []
        assert bus.event_ids() == ["e-1", "e-1"]
        assert pending(dynamodb) == set()

    def test_a_row_that_is_no_event_fails_alone(self, dynamodb: Any, clock: FixedClock) -> None:
        add(dynamodb, happened())
        item = {**rows(dynamodb)["e-1"], "sk": {"S": "bad"}, "envelope": {"S": "{}"}}
        dynamodb.put_item(TableName="outbox", Item=item)
        records = inserted(dynamodb)
        bus = FakeBus()
        assert run(dynamodb, bus, clock) == [sequence_of(records, "bad")]
        assert bus.event_ids() == ["e-1"]

    def test_a_row_that_was_deleted_meanwhile_is_no_failure(self, dynamodb: Any, clock: FixedClock) -> None:
        """It comes back as one that is published, for seven days: no relay takes it up again."""
        add(dynamodb, happened())
        records = inserted(dynamodb)
        dynamodb.delete_item(TableName="outbox", Key={k: rows(dynamodb)["e-1"][k] for k in ("pk", "sk")})
        assert run(dynamodb, FakeBus(), clock, records) == []
        assert {"published_at", "ttl"} <= rows(dynamodb)["e-1"].keys()
        assert pending(dynamodb) == set()
        again = [each for each in inserted(dynamodb) if each not in records]
        assert [each["eventName"] for each in again] == ["REMOVE", "INSERT"]
        bus = FakeBus()
        assert run(dynamodb, bus, clock, again) == []
        assert bus.calls == []

    def test_a_confirmed_row_has_lost_nothing_but_that_it_is_pending(
        self, dynamodb: Any, clock: FixedClock
    ) -> None:
        add(dynamodb, happened())
        before = rows(dynamodb)["e-1"]
        assert run(dynamodb, FakeBus(), clock) == []
        after = rows(dynamodb)["e-1"]
        assert {name: after[name] for name in before if name != "pending"} | {
            "pending": before["pending"]
        } == before
        assert after.keys() - before.keys() == {"published_at", "ttl"}

    def test_a_batch_is_confirmed_in_one_call_and_what_is_throttled_is_sent_again(
        self, dynamodb: Any, clock: FixedClock
    ) -> None:
        add(dynamodb, *[happened(id=f"e-{n}") for n in range(10)])
        throttled: Any = Throttled(dynamodb, times=2)
        bus: Any = FakeBus()
        pauses: list[float] = []
        relay = Relay(
            bus="onyx", table="outbox", events_client=bus, client=throttled, clock=clock, pause=pauses.append
        )
        assert relay.stream(inserted(dynamodb)) == {"batchItemFailures": []}
        assert throttled.sizes == [10, 8, 8]
        assert len(pauses) == 2
        assert pauses[0] < pauses[1]
        assert pending(dynamodb) == set()
        assert len(bus.published) == 10

    def test_what_stays_throttled_stays_pending_and_is_published_again(
        self, dynamodb: Any, clock: FixedClock
    ) -> None:
        add(dynamodb, *[happened(id=f"e-{n}") for n in range(5)])
        throttled: Any = Throttled(dynamodb, times=99)
        bus: Any = FakeBus()
        records = inserted(dynamodb)
        relay = Relay(
            bus="onyx", table="outbox", events_client=bus, client=throttled, clock=clock, pause=lambda _: None
        )
        failed = [each["itemIdentifier"] for each in relay.stream(records)["batchItemFailures"]]
        assert failed == [sequence_of(records, f"e-{n}") for n in (2, 3, 4)]
        assert pending(dynamodb) == {"e-2", "e-3", "e-4"}
        assert run(dynamodb, bus, clock, [each for each in records if _sequence(each) in failed]) == []
        assert pending(dynamodb) == set()
        assert bus.event_ids()[5:] == ["e-2", "e-3", "e-4"]

    def test_a_row_that_comes_twice_in_a_batch_is_confirmed(self, dynamodb: Any, clock: FixedClock) -> None:
        add(dynamodb, happened())
        (record,) = inserted(dynamodb)
        assert run(dynamodb, FakeBus(), clock, [record, record]) == []
        assert pending(dynamodb) == set()


def _sequence(record: Any) -> str:
    return str(record["dynamodb"]["SequenceNumber"])


class Throttled:
    """A DynamoDB client whose first `times` batches leave rows unprocessed: all but two, then all."""

    def __init__(self, client: Any, times: int) -> None:
        self._client = client
        self._times = times
        self.sizes: list[int] = []

    def batch_write_item(self, *, RequestItems: dict[str, list[Any]]) -> dict[str, Any]:  # noqa: N803
        ((table, requests),) = RequestItems.items()
        self.sizes.append(len(requests))
        call = len(self.sizes)
        takes = len(requests) if call > self._times else 2 if call == 1 else 0
        if takes:
            self._client.batch_write_item(RequestItems={table: requests[:takes]})
        return {"UnprocessedItems": {table: requests[takes:]} if requests[takes:] else {}}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


class NoUpdates:
    """A DynamoDB client whose process dies before it confirms."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.hits = 0

    def batch_write_item(self, **request: Any) -> None:
        self.hits += 1
        raise EndpointConnectionError(endpoint_url="http://dynamodb")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


@pytest.mark.usefixtures("outbox_table")
class TestSweep:
    def relay(self, dynamodb: Any, bus: Any, clock: FixedClock) -> Relay:
        return Relay(bus="onyx", table="outbox", events_client=bus, client=dynamodb, clock=clock)

    def test_what_the_stream_lost_is_published_from_every_shard(
        self, dynamodb: Any, clock: FixedClock
    ) -> None:
        sent = [happened(id=f"e-{n}") for n in range(40)]
        assert {shard_of(each.id) for each in sent} == {str(n) for n in range(SHARDS)}
        add(dynamodb, *sent)
        clock.advance(timedelta(minutes=5))
        bus = FakeBus()
        assert self.relay(dynamodb, bus, clock).sweep() == (40, 0)
        assert sorted(bus.event_ids()) == sorted(each.id for each in sent)
        assert pending(dynamodb) == set()
        assert self.relay(dynamodb, bus, clock).sweep() == (0, 0)

    def test_what_the_stream_has_in_hand_is_left_to_it(self, dynamodb: Any, clock: FixedClock) -> None:
        add(dynamodb, happened())
        clock.advance(timedelta(seconds=30))
        bus = FakeBus()
        assert self.relay(dynamodb, bus, clock).sweep() == (0, 0)
        assert self.relay(dynamodb, bus, clock).sweep(older_than=timedelta(seconds=10)) == (1, 0)

    def test_a_sweep_has_an_end_and_the_next_goes_on(self, dynamodb: Any, clock: FixedClock) -> None:
        add(dynamodb, *[happened(id=f"e-{n}") for n in range(25)])
        clock.advance(timedelta(minutes=5))
        bus = FakeBus()
        swept = [self.relay(dynamodb, bus, clock).sweep(most=15) for _ in range(3)]
        assert swept == [(15, 0), (10, 0), (0, 0)]

    def test_what_fails_is_counted_and_stays(self, dynamodb: Any, clock: FixedClock) -> None:
        add(dynamodb, happened(id="e-1"), happened(id="e-2"))
        clock.advance(timedelta(minutes=5))
        bus = FakeBus(refuse=lambda entry: "e-2" in entry["Detail"])
        assert self.relay(dynamodb, bus, clock).sweep() == (1, 1)
        assert pending(dynamodb) == {"e-2"}


@pytest.mark.usefixtures("outbox_table")
class TestHandler:
    @pytest.fixture(autouse=True)
    def _environment(self, cloud: None, monkeypatch: pytest.MonkeyPatch) -> None:
        load_settings.cache_clear()
        monkeypatch.setenv("OUTBOX_TABLE", "outbox")
        monkeypatch.setenv("BUS_NAME", "onyx")
        boto3.client("events").create_event_bus(Name="onyx")

    def test_a_stream_batch_is_relayed(self, dynamodb: Any) -> None:
        add(dynamodb, happened())
        answer = outbox_relay.handler({"Records": inserted(dynamodb)}, None)
        assert answer == {"batchItemFailures": []}
        assert pending(dynamodb) == set()

    @pytest.mark.parametrize("event", [{"detail-type": "Scheduled Event"}, {"sweep": True}])
    def test_a_schedule_sweeps(self, dynamodb: Any, event: dict[str, Any]) -> None:
        add(dynamodb, happened(time=LONG_AGO))
        assert outbox_relay.handler(event, None) == {"sent": 1, "failed": 0}

    def test_a_sweep_tells_what_it_healed_but_not_of_its_own_word(
        self, dynamodb: Any, capsys: pytest.CaptureFixture[str]
    ) -> None:
        lost = [happened(id=f"e-{n}", time=LONG_AGO) for n in range(7)]
        add(dynamodb, *lost, happened(id="o-1", tenant="globex", time=LONG_AGO))
        outbox_relay.handler({"sweep": True}, None)
        assert '"OutboxSweepHealed":[8.0]' in capsys.readouterr().out.replace(" ", "")
        told = [
            json.loads(row["envelope"]["S"]) for row in rows(dynamodb).values() if "published_at" not in row
        ]
        assert sorted((each["tenantid"], each["data"]["healed"]) for each in told) == [
            ("acme", 7),
            ("globex", 1),
        ]
        assert {len(each["data"]["examples"]) for each in told} == {5, 1}
        assert {each["type"] for each in told} == {"SweepHealed.v1"}
        # Its own word, lost by a dead stream, is published and makes no further word.
        for key in pending(dynamodb):
            dynamodb.update_item(
                TableName="outbox",
                Key={name: rows(dynamodb)[key][name] for name in ("pk", "sk")},
                UpdateExpression="SET created_at = :old",
                ExpressionAttributeValues={":old": {"S": "2024-01-01T00:00:00.000000Z"}},
            )
        assert outbox_relay.handler({"sweep": True}, None) == {"sent": 2, "failed": 0}
        assert pending(dynamodb) == set()

    def test_a_sweep_that_fails_raises_for_the_alarm(
        self, dynamodb: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        add(dynamodb, happened(time=LONG_AGO))
        monkeypatch.setattr("shared.aws.eventbridge", lambda: FakeBus(refuse=lambda entry: True))
        with pytest.raises(Unavailable, match="1 outbox rows"):
            outbox_relay.handler({"sweep": True}, None)

    def test_any_other_event_is_refused(self) -> None:
        with pytest.raises(BadRequest):
            outbox_relay.handler({"source": "somebody"}, None)

    def test_a_bad_environment_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("BUS_NAME")
        with pytest.raises(ConfigurationError, match="BUS_NAME"):
            outbox_relay.handler({"Records": []}, None)
