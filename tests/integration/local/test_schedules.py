"""EventBridge Scheduler on the platform: what our patches of the emulator restore."""

import json
import uuid
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from infra.local.patches.scheduler import next_time
from infra.local.platform import Platform
from tests.fakes.local_platform import eventually

PARIS, NEW_YORK = ZoneInfo("Europe/Paris"), ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    ("expression", "zone", "since", "due"),
    [
        ("cron(0 8 * * ? *)", PARIS, "2026-01-10T00:00:00Z", "2026-01-10T07:00:00Z"),
        ("cron(0 8 * * ? *)", PARIS, "2026-07-10T00:00:00Z", "2026-07-10T06:00:00Z"),
        ("cron(0 8 1 * ? *)", NEW_YORK, "2026-01-01T13:00:00Z", "2026-02-01T13:00:00Z"),
        # The night in which the clock goes from 2 to 3: no such time, so the day after.
        ("cron(30 2 * * ? *)", PARIS, "2026-03-28T12:00:00Z", "2026-03-30T00:30:00Z"),
        # The night in which 2:30 comes twice: once.
        ("cron(30 2 * * ? *)", PARIS, "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z"),
        ("cron(30 2 * * ? *)", PARIS, "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"),
        ("at(2026-07-01T12:00:00)", PARIS, "2026-01-01T00:00:00Z", "2026-07-01T10:00:00Z"),
        ("at(2026-07-01T12:00:00)", PARIS, "2026-07-01T10:00:00Z", None),
        ("rate(5 minutes)", PARIS, "2026-07-01T10:00:00Z", "2026-07-01T10:05:00Z"),
        ("cron(0 8 1 1 ? 2020)", PARIS, "2026-07-01T10:00:00Z", None),
    ],
)
def test_next_times(expression: str, zone: ZoneInfo, since: str, due: str | None) -> None:
    found = next_time(expression, zone, datetime.fromisoformat(since))
    assert found == (None if due is None else datetime.fromisoformat(due))


@pytest.mark.emulator
def test_a_schedule_puts_its_event_on_a_bus_at_its_time_in_its_zone(platform: Platform) -> None:
    name = f"due-{uuid.uuid4().hex[:8]}"
    events, sqs = platform.client("events"), platform.client("sqs")
    bus = events.create_event_bus(Name=name)["EventBusArn"]
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {"source": ["onyx.test"], "detail-type": ["Due.v1"]}
    events.put_rule(Name=name, EventBusName=name, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=name, EventBusName=name, Targets=[{"Id": "queue", "Arn": arn}])
    at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=3)
    role = platform.client("lambda").get_function(FunctionName="sample-echo")["Configuration"]["Role"]
    told = {"at": "<aws.scheduler.scheduled-time>", "id": "<aws.scheduler.execution-id>"}
    platform.client("scheduler").create_schedule(
        Name=name,
        ScheduleExpression=f"at({at.astimezone(NEW_YORK).strftime('%Y-%m-%dT%H:%M:%S')})",
        ScheduleExpressionTimezone="America/New_York",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={
            "Arn": bus,
            "RoleArn": role,
            "Input": json.dumps({"data": told}),
            "EventBridgeParameters": {"Source": "onyx.test", "DetailType": "Due.v1"},
        },
    )
    received = eventually(lambda: sqs.receive_message(QueueUrl=queue).get("Messages"), "the event", 30)
    event = json.loads(received[0]["Body"])
    assert datetime.fromisoformat(event["detail"]["data"]["at"]) == at
    assert event["detail"]["data"]["id"]
    assert datetime.now(UTC) >= at
