"""Queues, topics and rules: what the event path promises on every hop."""

import inspect
import json
from datetime import UTC, datetime
from typing import Any

from infra.commands.outboxes import TIME_INDEX
from services.cost_center import events as cost_center
from services.identity import events as identity
from services.workflow import events as workflow
from shared.actions import ActionFinished, ActionProgressed, ActionRequested
from shared.events import Event, envelope, registered_events, to_entry
from shared.outbox import INDEX
from shared.poller import Poller
from shared.tenancy import tenant_id
from tests.infra.assembly import Environment, Resource

# A task has no timeout: the longest silence of one that lives is its poller's heartbeat.
HEARTBEAT_SECONDS = inspect.signature(Poller.__init__).parameters["heartbeat_seconds"].default
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
BILL = {
    "bill_id": "aws.2026-09",
    "source": "aws",
    "format": "aws-cur-csv",
    "billing_period": "2026-09",
    "delivery_id": "0" * 32,
    "status": "ingested",
    "rows": 3,
    "totals": [{"currency": "USD", "raw": "1.5", "curated": "1.5", "difference": "0"}],
    "tables": ["cur", "charges"],
    "published_at": "2026-11-20T12:00:00Z",
    "primary": True,
}
TALK = {"RunRequested.v1", "CronDue.v1", "ActionRequested.v1", "ActionProgressed.v1", "ActionFinished.v1"}
"""What workflows are not triggered by: the service's own talk, and with those who act for it."""
RUN = {"tenant": "acme", "workflow": "report", "run_id": "r-1"}
# One fixture per event that a rule takes. A channel for another event needs its fixture here.
FIXTURES: tuple[Event, ...] = (
    cost_center.ExportRequested(
        export_id="2" * 32,
        attempt=1,
        format="csv",
        focus_version="1.2",
        first_period="2026-09",
        last_period="2026-09",
        bills=["aws.2026-09"],
        requested_at=NOW,
    ),
    identity.TenantCreated(tenant="acme", name="Acme", created_at=NOW),
    cost_center.BillIngested.model_validate(BILL),
    cost_center.LakeMaintenanceDue(week="2026-W47"),
    workflow.CronDue(tenant="acme", workflow="report", trigger="monthly", scheduled_at=NOW),
    workflow.RunRequested.model_validate(
        {**RUN, "workflow_version": 1, "trigger": "t", "cause": "c", "requested_by": "a", "inputs": {}}
    ),
    workflow.RunFinished.model_validate({**RUN, "workflow_version": 1, "status": "failed", "ended_at": NOW}),
    workflow.RunCancelled.model_validate({**RUN, "by": "ada", "cancelled_at": NOW}),
    workflow.ApprovalDecided.model_validate(
        {**RUN, "approval_id": "e-1", "step": "ok", "status": "approved", "by": [], "decided_at": NOW}
    ),
    ActionProgressed(action="query.run", effect_key="e-1", run_id="r-1", step="q", attempt=1),
    ActionRequested(
        action="query.run",
        effect_key="e-1",
        run_id="r-1",
        step="q",
        attempt=1,
        input={"sql": "SELECT 1"},
        requested_by="ada",
        deadline=NOW,
    ),
    ActionFinished(action="query.run", effect_key="e-1", run_id="r-1", step="q", attempt=1, succeeded=True),
    cost_center.BillRestated.model_validate(
        {
            **BILL,
            "status": "restated",
            "previous": {"delivery_id": "1" * 32, "published_at": "2026-11-19T12:00:00Z", "rows": 2},
            "changes": {"totals": [], "largest": [], "others": [], "count": 0, "document": None},
        }
    ),
)


def bridged(event: Event) -> dict[str, Any]:
    """`event` as EventBridge hands it on."""
    sealed = envelope(event, tenant=tenant_id("acme"), id="e-1", time=NOW)
    entry = to_entry(sealed, "onyx")
    return {
        "version": "0",
        "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
        "detail-type": entry["DetailType"],
        "source": entry["Source"],
        "account": "000000000000",
        "time": "2026-11-20T12:00:00Z",
        "region": "us-east-1",
        "resources": [],
        "detail": json.loads(entry["Detail"]),
    }


def object_created(bucket: str, kind: str = "Object Created") -> dict[str, Any]:
    """S3's own event, as AWS documents it."""
    return {
        "version": "0",
        "id": "17793124-05d4-b198-2fde-7ededc63b103",
        "detail-type": kind,
        "source": "aws.s3",
        "account": "000000000000",
        "time": "2026-11-20T12:00:00Z",
        "region": "us-east-1",
        "resources": [f"arn:aws:s3:::{bucket}"],
        "detail": {
            "version": "0",
            "bucket": {"name": bucket},
            "object": {
                "key": "acme/aws/u-1/cur.csv.gz",
                "size": 5,
                "etag": "b1946ac92492d2347c6235b4d2611184",
                "version-id": "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e",
                "sequencer": "617f08299329d189",
            },
            "request-id": "N4N7GDK58NMKJ12R",
            "requester": "123456789012",
            "source-ip-address": "1.2.3.4",
            "reason": "PutObject",
        },
    }


def matches(pattern: Any, event: Any) -> bool:
    """EventBridge's rule for what our patterns use: exact values, nested; prefix, anything-but."""
    if isinstance(pattern, list):
        values = event if isinstance(event, list) else [event]
        return any(_holds(each, value) for value in values for each in pattern)
    return isinstance(event, dict) and all(
        key in event and matches(inner, event[key]) for key, inner in pattern.items()
    )


def _holds(wanted: Any, value: Any) -> bool:
    match wanted:
        case {"prefix": start}:
            return isinstance(value, str) and value.startswith(start)
        case {"anything-but": names}:
            return value not in names
        case str() | int() | bool():
            return bool(value == wanted)
    raise AssertionError(f"operator not known: {wanted}")


def execution_ended(machine: str, status: str = "FAILED") -> dict[str, Any]:
    """Step Functions' own event, as AWS documents it."""
    return {
        "version": "0",
        "id": "315c1398-40ff-a850-213b-158f73e60175",
        "detail-type": "Step Functions Execution Status Change",
        "source": "aws.states",
        "account": "000000000000",
        "time": "2026-11-20T12:00:00Z",
        "region": "us-east-1",
        "resources": [],
        "detail": {
            "stateMachineArn": f"arn:aws:states:us-east-1:000000000000:stateMachine:{machine}",
            "status": status,
        },
    }


def is_for_every_event(rule: Resource) -> bool:
    """The rule before the workflows' triggers: it takes all but what that service tells itself."""
    return rule.stack == "workflow" and rule.id.startswith("Triggers")


def rules(environment: Environment) -> dict[str, tuple[Resource, Any]]:
    """Rules over events, by name, with their pattern (schedules left out)."""
    return {
        rule.name: (rule, environment.plain(rule.stack, rule.properties["EventPattern"]))
        for rule in environment.resources("AWS::Events::Rule")
        if "EventPattern" in rule.properties
    }


def test_each_rule_matches_exactly_its_events(environment: Environment) -> None:
    landing = next(
        r for r in environment.resources("AWS::S3::Bucket", part="lake") if r.id.startswith("Landing")
    )
    bus = next(environment.resources("AWS::Events::EventBus"))
    ours = {type(each).detail_type(): bridged(each) for each in FIXTURES}
    # Events without a fixture: no rule takes them, whatever they hold.
    others = {
        name: {"source": kind.source, "detail-type": name, "detail": {}}
        for name, kind in registered_events().items()
        if name not in ours
    }
    assert others, "the registry holds more events than rules take"
    found: dict[str, list[str]] = {}
    for name, (rule, pattern) in rules(environment).items():
        on = environment.text(rule.stack, rule.properties["EventBusName"])
        if on == "default" and rule.stack == "workflow":
            ended = f"onyx-{environment.name}-acme-report"
            assert matches(pattern, execution_ended(ended))
            assert not matches(pattern, execution_ended(ended, "SUCCEEDED"))
            assert not matches(pattern, execution_ended("somebody-elses"))
            found["Execution Status Change"] = [name]
            continue
        if on == "default":
            assert matches(pattern, object_created(landing.name))
            assert not matches(pattern, object_created(landing.name, "Object Deleted"))
            assert not matches(pattern, object_created("lake.Lake"))
            assert not any(matches(pattern, each) for each in ours.values())
            found["Object Created"] = [*found.get("Object Created", []), name]
            continue
        assert on == bus.name
        if is_for_every_event(rule):
            assert all(matches(pattern, each) == (kind not in TALK) for kind, each in ours.items())
            continue
        taken = [kind for kind, event in ours.items() if matches(pattern, event)]
        assert taken, f"{name} matches no event: its contract has no fixture, or the two drifted apart"
        assert sorted(pattern["detail-type"]) == sorted(taken)
        assert not any(matches(pattern, each) for each in others.values())
        assert not matches(pattern, object_created(landing.name))
        foreign = {**ours[taken[0]], "source": "onyx.somebody-else"}
        assert not matches(pattern, foreign)
        for kind in taken:
            found[kind] = [*found.get(kind, []), name]
    assert set(found) == {*ours, "Object Created", "Execution Status Change"}, "a fixture without a rule"


def test_a_rule_leads_to_a_topic_to_one_queue_with_a_dead_letter_queue_on_each_hop(
    environment: Environment,
) -> None:
    subscriptions = list(environment.resources("AWS::SNS::Subscription"))
    for name, (rule, _) in rules(environment).items():
        (target,) = rule.properties["Targets"]
        topic = environment.text(rule.stack, target["Arn"])
        dead = {environment.text(rule.stack, target["DeadLetterConfig"]["Arn"])}
        (subscription,) = [
            s for s in subscriptions if environment.text(s.stack, s.properties["TopicArn"]) == topic
        ]
        assert subscription.properties["Protocol"] == "sqs"
        assert subscription.properties["RawMessageDelivery"] is True
        redrive = subscription.properties["RedrivePolicy"]["deadLetterTargetArn"]
        dead.add(environment.text(subscription.stack, redrive))
        queue = environment.one(
            "AWS::SQS::Queue", environment.text(subscription.stack, subscription.properties["Endpoint"])
        )
        redrive = queue.properties["RedrivePolicy"]
        dead.add(environment.text(queue.stack, redrive["deadLetterTargetArn"]))
        assert redrive["maxReceiveCount"] >= 3
        (arn,) = dead
        assert arn != f"{queue.name}.Arn", name
        letters = environment.one("AWS::SQS::Queue", arn)
        kept = letters.properties["MessageRetentionPeriod"]
        assert kept == 14 * 86_400 > queue.properties["MessageRetentionPeriod"]


def consumers(environment: Environment, queue: Resource) -> list[tuple[str, int]]:
    """Who receives from `queue`, and its timeout in seconds: functions, and tasks told its URL."""
    found = []
    for mapping in environment.resources("AWS::Lambda::EventSourceMapping"):
        source = environment.text(mapping.stack, mapping.properties["EventSourceArn"])
        if source == f"{queue.name}.Arn":
            assert mapping.properties["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
            function = environment.text(mapping.stack, mapping.properties["FunctionName"])
            timeout = environment.one("AWS::Lambda::Function", function).properties["Timeout"]
            found.append((function, timeout))
    for task in environment.resources("AWS::ECS::TaskDefinition"):
        for container in task.properties["ContainerDefinitions"]:
            for variable in container["Environment"]:
                if environment.text(task.stack, variable["Value"]) == queue.name:
                    found.append((task.name, HEARTBEAT_SECONDS))
    return found


def test_every_queue_is_watched_and_gives_its_consumer_time(environment: Environment) -> None:
    alarms: dict[str, set[str]] = {}
    topic = next(t for t in environment.resources("AWS::SNS::Topic", part="platform"))
    for alarm in environment.resources("AWS::CloudWatch::Alarm"):
        actions = [environment.text(alarm.stack, each) for each in alarm.properties.get("AlarmActions", [])]
        if topic.name not in actions:
            continue
        for dimension in alarm.properties.get("Dimensions", []):
            watched = environment.text(alarm.stack, dimension["Value"])
            alarms.setdefault(watched, set()).add(alarm.properties["MetricName"])
    used = set()
    queues = list(environment.resources("AWS::SQS::Queue"))
    for queue in queues:
        if "RedrivePolicy" in queue.properties:
            used.add(environment.text(queue.stack, queue.properties["RedrivePolicy"]["deadLetterTargetArn"]))
    for mapping in environment.resources("AWS::Lambda::EventSourceMapping"):
        if failure := mapping.properties.get("DestinationConfig"):
            used.add(environment.text(mapping.stack, failure["OnFailure"]["Destination"]))
    for queue in queues:
        watched = alarms.get(f"{queue.name}.QueueName", set())
        if f"{queue.name}.Arn" in used:
            assert "ApproximateNumberOfMessagesVisible" in watched, queue.name
            assert not consumers(environment, queue), "a dead-letter queue is read by people"
            continue
        assert "RedrivePolicy" in queue.properties, f"{queue.name} neither has nor is a dead-letter queue"
        assert "ApproximateAgeOfOldestMessage" in watched, queue.name
        ((_, timeout),) = consumers(environment, queue)
        assert queue.properties["VisibilityTimeout"] >= 6 * timeout


def test_the_ingester_counts_the_receives_that_its_queue_gives(environment: Environment) -> None:
    """By them it tells a delivery that is tried again from one that is given up."""
    (told,) = [
        each["Value"]
        for task in environment.resources("AWS::ECS::TaskDefinition", part="cost-center")
        for container in task.properties["ContainerDefinitions"]
        for each in container.get("Environment", [])
        if each["Name"] == "LANDING_RECEIVES"
    ]
    (given,) = [
        queue.properties["RedrivePolicy"]["maxReceiveCount"]
        for queue in environment.resources("AWS::SQS::Queue", part="cost-center")
        if queue.id.startswith("LandedBills") and "RedrivePolicy" in queue.properties
    ]
    assert told == str(given)


def test_an_operator_finds_the_relay_of_its_failure_queue(environment: Environment) -> None:
    for part in ("identity", "cost-center"):
        outputs = environment.templates[part]["Outputs"]
        relay = environment.text(part, outputs["RelayFunction"]["Value"])
        queue = environment.text(part, outputs["RelayFailuresUrl"]["Value"])
        handler = environment.one("AWS::Lambda::Function", relay).properties["Handler"]
        assert handler == "shared.outbox_relay.handler"
        (mapping,) = [
            each.properties
            for each in environment.resources("AWS::Lambda::EventSourceMapping", part=part)
            if environment.text(part, each.properties["FunctionName"]) == relay
        ]
        failures = mapping["DestinationConfig"]["OnFailure"]["Destination"]
        assert environment.text(part, failures) == f"{queue}.Arn"


def test_an_outbox_is_relayed_until_it_is_published(environment: Environment) -> None:
    outboxes = [
        table for table in environment.resources("AWS::DynamoDB::Table") if table.id.startswith("OutboxTable")
    ]
    assert {table.stack for table in outboxes} >= {"identity", "cost-center"}
    for table in outboxes:
        assert table.properties["StreamSpecification"]["StreamViewType"] == "NEW_IMAGE"
        assert {
            index["IndexName"]: [key["AttributeName"] for key in index["KeySchema"]]
            for index in table.properties["GlobalSecondaryIndexes"]
        } == {INDEX: ["pending", "created_at"], TIME_INDEX: ["pk", "created_at"]}
        (relay,) = [
            mapping.properties
            for mapping in environment.resources("AWS::Lambda::EventSourceMapping", part=table.stack)
            if environment.text(mapping.stack, mapping.properties["EventSourceArn"])
            == f"{table.name}.StreamArn"
        ]
        assert relay["BisectBatchOnFunctionError"] is True
        assert relay["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert 0 < relay["MaximumRetryAttempts"] < 10_000
        assert relay["MaximumRecordAgeInSeconds"] <= 86_400
        assert "OnFailure" in relay["DestinationConfig"]
        function = environment.text(table.stack, relay["FunctionName"])
        swept = [
            rule
            for rule in environment.resources("AWS::Events::Rule", part=table.stack)
            if "ScheduleExpression" in rule.properties
            and environment.text(rule.stack, rule.properties["Targets"][0]["Arn"]) == f"{function}.Arn"
        ]
        assert len(swept) == 1
