import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from infra.commands import channels, events
from infra.commands.outboxes import TIME_INDEX
from services.cost_center.handlers import ingester
from services.query_engine.handlers import on_bill_ingested
from shared.tenancy import TenantId
from tests.fakes.operated_platform import OperatedPlatform, landed
from tests.fakes.sample_events import happened

LANDING = "cost-center/LandedBills"
ACME = {"tenant": "acme", "name": "Acme", "status": "active", "created_at": "2026-11-20T09:00:00Z"}
OTHER = {**ACME, "tenant": "other"}


@pytest.fixture
def stage(onyx: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[OperatedPlatform]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        made = OperatedPlatform(datetime.now(UTC))
        onyx.platform.clients = made.clients()
        onyx.platform.routes["GET", "/_ministack/sqs/messages"] = made.look_into
        onyx.platform.answers["list_tenants"] = lambda _: {"ok": True, "rows": [ACME, OTHER]}
        yield made


def rows(outcome: Any) -> Any:
    assert outcome.code == 0, outcome.err
    return outcome.rows


def test_the_names_under_which_failures_are_filed_are_those_of_the_consumers():
    assert channels.CONSUMERS[LANDING] == ingester.NAME
    assert channels.CONSUMERS["query-engine/BillIngested"] == on_bill_ingested.NAME


def test_every_channel_is_listed_with_what_was_given_up_and_what_waits(onyx, stage):
    stage.give_up("x")
    stage.sqs.send_message(QueueUrl=stage.queue, MessageBody="waits")
    listed = rows(onyx("dlq", "list", "--format", "json"))
    assert [row["channel"] for row in listed] == [LANDING, "cost-center/RelayFailures"]
    assert (listed[0]["dead"], listed[0]["depth"], listed[0]["in_flight"]) == (1, 1, 0)
    assert listed[0]["oldest_seconds"] < 60
    assert (listed[1]["dead"], listed[1]["oldest"], listed[1]["depth"]) == (0, None, None)


def test_to_look_takes_nothing_away(onyx, stage):
    stage.give_up("x")
    for _ in range(2):
        (row,) = rows(onyx("dlq", "show", "LandedBills", "--format", "json"))
        assert row["body"] == "x"


def test_a_given_up_message_is_told_with_its_failure(onyx, stage):
    known = stage.give_up(landed("acme/cur/a.csv"))
    stage.fail(known, TenantId("acme"), "OBJECT_GONE", "a.csv is gone")
    stage.fail(known, TenantId("acme"), "OBJECT_GONE", "a.csv is gone")
    unreadable = stage.give_up("{")
    stage.fail(unreadable, None, "POISON_MESSAGE", "the body is not JSON")
    killed = stage.give_up(landed("other/cur/b.csv"))
    told = {row["message_id"]: row for row in rows(onyx("dlq", "show", LANDING, "--format", "json"))}
    names = ("event_type", "tenant", "correlation_id", "code", "detail", "attempts")
    assert [told[known][name] for name in names] == [
        *("Object Created", "acme", "e-1", "OBJECT_GONE", "a.csv is gone", 2)
    ]
    assert (told[unreadable]["code"], told[unreadable]["tenant"]) == ("POISON_MESSAGE", None)
    assert (told[killed]["code"], told[killed]["detail"]) == (None, "no failure row: killed or timed out")


def test_a_note_of_what_a_relay_gave_up_says_why_and_nonsense_is_told_as_it_is(onyx, stage):
    note = {"requestContext": {"condition": "RetryAttemptsExhausted"}, "DDBStreamBatchInfo": {}}
    stage.give_up(json.dumps(note), stage.relay_failures)
    stage.give_up(json.dumps({"requestContext": 3, "detail": {"object": "x"}}), stage.relay_failures)
    told = rows(onyx("dlq", "show", "RelayFailures", "--format", "json"))
    assert {row["event_type"] for row in told} == {"RetryAttemptsExhausted", None}
    assert {row["detail"] for row in told} == {"what was given up is named in the body"}


def test_the_failure_of_another_tenant_is_not_told(onyx, stage):
    message = stage.give_up(landed("acme/cur/a.csv"))
    stage.fail(message, TenantId("other"), "OBJECT_GONE", "not yours")
    (row,) = rows(onyx("dlq", "show", LANDING, "--format", "json"))
    assert row["code"] is None


def no_such_task(*_: Any, **__: Any) -> None:
    raise ClientError({"Error": {"Code": "UnsupportedOperation"}}, "StartMessageMoveTask")


def test_a_redrive_brings_all_back_or_those_that_are_named(onyx, stage, monkeypatch):
    monkeypatch.setattr(stage.sqs, "start_message_move_task", no_such_task)
    _one, two, _three = (stage.give_up(body) for body in ("1", "2", "3"))
    (row,) = rows(onyx("dlq", "redrive", LANDING, "--message-id", two, "--format", "json"))
    assert row == {"channel": LANDING, "redriven": 1}
    assert stage.waiting() == ["2"]
    (row,) = rows(onyx("dlq", "redrive", LANDING, "--format", "json"))
    assert row["redriven"] == 2
    assert sorted(stage.waiting()) == ["1", "2", "3"]
    assert rows(onyx("dlq", "show", LANDING, "--format", "json")) == []


def test_a_message_is_deleted_only_after_it_was_sent(onyx, stage, monkeypatch):
    monkeypatch.setattr(stage.sqs, "start_message_move_task", no_such_task)
    stage.give_up("1")

    def refuse(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied"}}, "SendMessage")

    monkeypatch.setattr(stage.sqs, "send_message", refuse)
    assert onyx("dlq", "redrive", LANDING).code == 1
    attributes = stage.sqs.get_queue_attributes(QueueUrl=stage.dead, AttributeNames=["All"])["Attributes"]
    held = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
    assert sum(int(attributes[name]) for name in held) == 1


def test_sqs_moves_the_messages_where_it_can(onyx, stage, monkeypatch):
    asked: list[dict[str, str]] = []
    states = iter(
        [
            {"Status": "RUNNING", "ApproximateNumberOfMessagesMoved": 3},
            {"Status": "COMPLETED", "ApproximateNumberOfMessagesMoved": 7},
        ]
    )
    monkeypatch.setattr("infra.commands.dead_letters.time.sleep", lambda _: None)
    monkeypatch.setattr(stage.sqs, "start_message_move_task", lambda **given: asked.append(given))
    monkeypatch.setattr(stage.sqs, "list_message_move_tasks", lambda **_: {"Results": [next(states)]})
    (row,) = rows(onyx("dlq", "redrive", LANDING, "--format", "json"))
    assert row["redriven"] == 7
    assert [arn.rpartition(":")[2] for arn in asked[0].values()] == ["dead", "landed"]


def test_a_message_that_is_not_there_and_a_failure_queue_are_refused(onyx, stage):
    assert "0 brought back" in onyx("dlq", "redrive", LANDING, "-m", "nope").err
    del stage.cloudformation.outputs["onyx-local-cost-center"]["RelayFunction"]
    assert "nothing of this platform takes them back" in onyx("dlq", "redrive", "RelayFailures").err
    outcome = onyx("dlq", "show", "Nope")
    assert (outcome.code, LANDING in outcome.err) == (2, True)


class Relay:
    """Lambda, with the relay's sweep for as many rows at a time."""

    def __init__(self, stage: OperatedPlatform, operator: Any, *, most: int, refused: tuple[str, ...] = ()):
        self.stage, self.operator, self.most, self.refused = stage, operator, most, refused
        self.runs = 0

    def invoke(self, *, FunctionName: str, Payload: bytes) -> Any:  # noqa: N803 - boto3's names
        if FunctionName != "relay":
            return self.operator.invoke(FunctionName=FunctionName, Payload=Payload)
        assert json.loads(Payload) == {"sweep": True}
        self.runs += 1
        return self.stage.sweep(self.most, self.refused)


def relayed(onyx: Any, stage: OperatedPlatform, **how: Any) -> Relay:
    relay = Relay(stage, onyx.platform, **how)
    onyx.platform.clients["lambda"] = relay
    return relay


def stream_note(first: datetime, last: datetime) -> str:
    batch = {
        "shardId": "s",
        "approximateArrivalOfFirstRecord": first.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "approximateArrivalOfLastRecord": last.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    note = {"requestContext": {"condition": "RetryAttemptsExhausted"}, "DDBStreamBatchInfo": batch}
    return json.dumps(note)


def test_a_relays_notes_are_redriven_by_its_sweep_and_removed_when_their_rows_are_out(onyx, stage):
    relay = relayed(onyx, stage, most=2)
    old = stage.now - timedelta(hours=1)
    for number in range(5):
        stage.tell(happened("x", id=f"e{number}", time=old), published=False)
    stage.give_up(stream_note(old, old), stage.relay_failures)
    stage.give_up(json.dumps({"requestPayload": {}}), stage.relay_failures)
    (row,) = rows(onyx("dlq", "redrive", "RelayFailures", "--format", "json"))
    assert row == {
        "channel": "cost-center/RelayFailures",
        "published": 5,
        "notes_removed": 2,
        "notes_left": 0,
        "still_pending": 0,
        "left": [],
    }
    assert relay.runs == 3
    assert rows(onyx("dlq", "show", "RelayFailures", "--format", "json")) == []


def test_what_a_relay_cannot_publish_stays_with_its_reason_and_so_do_its_notes(onyx, stage):
    old, older = stage.now - timedelta(hours=1), stage.now - timedelta(hours=3)
    stage.tell(happened("x", id="good", time=older), published=False)
    stage.tell(happened("x", id="refused", time=old), published=False)
    broken = happened("x", id="broken", time=old)
    stage.tell(broken, published=False)
    stage.dynamodb.update_item(
        TableName=stage.tables["Outbox"],
        Key={"pk": {"S": "TENANT#acme#OUTBOX"}, "sk": {"S": "broken"}},
        UpdateExpression="SET envelope = :nonsense",
        ExpressionAttributeValues={":nonsense": {"S": "{"}},
    )
    relay = relayed(onyx, stage, most=100, refused=("refused", "broken"))
    settled = stage.give_up(stream_note(older, older), stage.relay_failures)
    open_ = stage.give_up(stream_note(old, old), stage.relay_failures)
    outcome = onyx("dlq", "redrive", "RelayFailures", "--format", "json")
    assert outcome.code == 1
    (row,) = outcome.rows
    told = {each["id"]: each["why"] for each in row["left"]}
    assert (row["published"], row["notes_removed"], row["notes_left"]) == (1, 1, 1)
    assert told["broken"].startswith("its row is no event")
    assert told["refused"].endswith("2 outbox rows could not be published")
    assert relay.runs == 2, "one that brings nothing forward is the last"
    left = rows(onyx("dlq", "show", "RelayFailures", "--format", "json"))
    assert [each["message_id"] for each in left] == [open_]
    assert settled not in {each["message_id"] for each in left}
    tail = rows(onyx("events", "tail", "--tenant", "acme", "--since", "2h", "--format", "json"))
    assert {(each["id"], each["tenant"], each["state"]) for each in tail} == {
        ("refused", "acme", "pending"),
        ("broken", "acme", "pending"),
    }
    table = onyx("dlq", "redrive", "RelayFailures")
    assert "its row is no event" in table.out
    assert "2 of cost-center/RelayFailures cannot be published yet" in table.err


def test_what_is_pending_for_a_moment_is_no_failure_but_its_note_waits(onyx, stage):
    relayed(onyx, stage, most=100)
    stage.tell(happened("x", id="young", time=stage.now), published=False)
    stage.give_up(json.dumps({"requestPayload": {}}), stage.relay_failures)
    (row,) = rows(onyx("dlq", "redrive", "RelayFailures", "--format", "json"))
    assert (row["notes_removed"], row["notes_left"], row["left"]) == (0, 1, [])


def test_only_the_notes_that_are_named_are_removed(onyx, stage):
    relayed(onyx, stage, most=100)
    one, two = (stage.give_up(json.dumps({"n": n}), stage.relay_failures) for n in (1, 2))
    (row,) = rows(onyx("dlq", "redrive", "RelayFailures", "-m", one, "--format", "json"))
    assert (row["notes_removed"], row["notes_left"]) == (1, 1)
    (left,) = rows(onyx("dlq", "show", "RelayFailures", "--format", "json"))
    assert left["message_id"] == two


def test_the_age_of_given_up_messages_is_told_while_all_are_out_of_sight(onyx, stage):
    stage.give_up("x")
    stage.sqs.receive_message(QueueUrl=stage.dead, VisibilityTimeout=600)
    stage.ages["dead"] = 7200
    listed = rows(onyx("dlq", "list", "--format", "json"))
    assert listed[0]["dead"] == 1
    assert listed[0]["oldest_seconds"] >= 7200
    assert listed[0]["oldest"] is not None


def test_looking_at_the_age_of_a_queue_costs_its_messages_no_receive(onyx, stage, healthy):
    stage.sqs.send_message(QueueUrl=stage.queue, MessageBody="waits")
    stage.ages["landed"] = 60
    found = json.loads(status(onyx).out)
    assert found["channels"][0]["oldest_seconds"] >= 60
    (message,) = stage.sqs.receive_message(
        QueueUrl=stage.queue, MessageSystemAttributeNames=["ApproximateReceiveCount"]
    )["Messages"]
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"


def test_of_an_environment_without_the_index_events_are_read_whole(onyx, stage):
    delete = {"Delete": {"IndexName": TIME_INDEX}}
    stage.dynamodb.update_table(TableName=stage.tables["Outbox"], GlobalSecondaryIndexUpdates=[delete])
    stage.tell(happened("a", id="a", time=stage.now), published=True)
    stage.tell(happened("o", id="o", time=stage.now - timedelta(hours=2)), published=True)
    shown = rows(onyx("events", "tail", "--tenant", "acme", "--format", "json"))
    assert [row["id"] for row in shown] == ["a"]


def test_a_look_reads_no_row_that_is_older_than_it_goes_back(onyx, stage, monkeypatch):
    for number in range(20):
        moment = stage.now - timedelta(days=2, minutes=number)
        stage.tell(happened("x", id=f"o{number:02d}", time=moment), published=True)
    stage.tell(happened("a", id="a", time=stage.now), published=True)
    asked: list[dict[str, Any]] = []
    real = stage.dynamodb.get_paginator

    class Counted:
        def paginate(self, **request: Any) -> Any:
            for page in real("query").paginate(**request):
                asked.append(page)
                yield page

    monkeypatch.setattr(stage.dynamodb, "get_paginator", lambda operation: Counted())
    shown = rows(onyx("events", "tail", "--tenant", "acme", "--format", "json"))
    assert [row["id"] for row in shown] == ["a"]
    assert sum(page["ScannedCount"] for page in asked) == 1


def test_events_are_shown_in_the_order_of_time_whether_published_or_not(onyx, stage):
    now = stage.now
    stage.tell(happened("late", id="a", time=now), published=False)
    stage.tell(happened("early", id="z", time=now - timedelta(minutes=5)), published=True)
    stage.tell(happened("b", id="b", tenant="other", time=now - timedelta(minutes=1)), published=True)
    stage.tell(happened("old", id="o", time=now - timedelta(hours=2)), published=True)
    shown = rows(onyx("events", "tail", "--format", "json"))
    assert [(row["id"], row["tenant"], row["state"]) for row in shown] == [
        ("z", "acme", "published"),
        ("b", "other", "published"),
        ("a", "acme", "pending"),
    ]
    assert shown[0]["data"] == {"name": "early"}
    only = ("events", "tail", "--tenant", "acme", "--since", "2m", "--format", "json")
    assert [row["id"] for row in rows(onyx(*only))] == ["a"]
    assert rows(onyx(*only, "--type", "ThingEnded.v1")) == []
    assert onyx("events", "tail", "--since", "soon").code == 2


def test_following_shows_an_event_once_and_again_when_it_is_published(onyx, stage, monkeypatch):
    first = happened("a", id="a", time=stage.now)
    stage.tell(first, published=False)
    steps = iter([lambda: None, lambda: stage.tell(first, published=True)])

    def pause(_: float) -> None:
        if (step := next(steps, None)) is None:
            raise KeyboardInterrupt
        step()

    monkeypatch.setattr(events.time, "sleep", pause)
    outcome = onyx("events", "tail", "--tenant", "acme", "--follow", "--format", "json")
    assert outcome.code == 130
    seen = [json.loads(line) for line in outcome.out.splitlines()]
    assert [(row["id"], row["state"]) for row in seen] == [("a", "pending"), ("a", "published")]


def status(onyx: Any, *more: str) -> Any:
    return onyx("status", "--format", "json", *more)


def test_of_an_environment_on_aws_only_what_is_stuck_is_told(onyx, stage):
    local = stage.cloudformation.outputs.pop("onyx-local-cost-center")
    stage.cloudformation.outputs["onyx-dev-cost-center"] = local
    stage.give_up("{")
    found = json.loads(status(onyx, "--env", "dev").out)
    assert set(found) == {"channels", "stuck"}
    assert [row["what"] for row in found["stuck"]] == ["dead-letter"]
    outcome = onyx("dlq", "list", "--env", "prod")
    assert (outcome.code, outcome.err) == (1, "onyx: No stack onyx-prod-* is deployed here.\n")


@pytest.fixture
def healthy(monkeypatch: pytest.MonkeyPatch) -> None:
    process = {"service": "emulator", "health": "healthy"}
    monkeypatch.setattr("infra.commands.platform._processes", lambda _: [process])


@pytest.mark.usefixtures("healthy")
def test_nothing_is_stuck(onyx, stage):
    outcome = status(onyx, "--check")
    assert outcome.code == 0
    found = json.loads(outcome.out)
    assert [row["service"] for row in found["rows"]] == ["emulator"]
    assert (len(found["channels"]), found["stuck"]) == (2, [])
    assert onyx("status").out.endswith("Nothing is stuck.\n")


@pytest.mark.usefixtures("healthy")
def test_what_is_stuck_is_told_with_since_when_and_why(onyx, stage):
    stage.sqs.send_message(QueueUrl=stage.queue, MessageBody="waits")
    stage.ages["landed"] = 3600
    stage.fail(stage.give_up("{"), None, "POISON_MESSAGE", "the body is not JSON")
    stage.tell(happened("a", id="a", time=stage.now - timedelta(minutes=3)), published=False)
    stage.tell(happened("b", id="b", time=stage.now), published=False)
    stage.processing("acme", "d1", timedelta(minutes=40))
    stage.processing("acme", "d2", timedelta(minutes=2))
    stage.processing("acme", "d3", timedelta(minutes=1))
    for delivery, receive in (("d1", 2), ("d3", 5)):
        stage.trouble("acme", delivery, receive, "UNHANDLED", "OSError: no space")
    assert status(onyx).code == 0
    outcome = status(onyx, "--check")
    assert outcome.code == 1
    assert outcome.err.startswith("onyx: Stuck: queue cost-center/LandedBills, dead-letter")
    found = json.loads(outcome.out)["stuck"]
    *others, late, failed = found
    stuck = {row["what"]: row for row in (*others, late)}
    assert set(stuck) == {"queue", "dead-letter", "outbox", "delivery"}
    assert stuck["queue"]["seconds"] >= 3600
    assert stuck["dead-letter"]["why"] == "POISON_MESSAGE: the body is not JSON"
    assert (stuck["outbox"]["count"], stuck["outbox"]["seconds"] >= 180) == (1, True)
    assert stuck["delivery"]["where"] == "acme/cur/a.csv (d1)"
    assert stuck["delivery"]["why"] == "tried again after 2 attempts: UNHANDLED: OSError: no space"
    # What is given up is told at once.
    assert failed["where"] == "acme/cur/a.csv (d3)"
    assert failed["why"] == "given up after 5 attempts: UNHANDLED: OSError: no space"
