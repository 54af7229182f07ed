"""The queues of a platform, read from its stacks: what CloudFormation says is there, and nothing else."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

import httpx
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError

from infra.commands.errors import CommandError, usage
from infra.commands.session import LOCAL, Session

T = TypeVar("T")
CONSUMERS: Mapping[str, str] = {
    "cost-center/Jobs": "jobs",
    "cost-center/LandedBills": "ingester",
    "cost-center/TenantCreated": "on_tenant_created",
    "query-engine/Actions": "query-engine.actions",
    "query-engine/BillIngested": "query-engine.on-bill-ingested",
    "workflow/Answers": "workflow.on-action-finished",
    "workflow/Approvals": "workflow.on-approval-decided",
    "workflow/Cron": "workflow.on-cron",
    "workflow/Ended": "workflow.on-execution-ended",
    "workflow/Execution": "workflow.on-run-requested",
    "workflow/Triggers": "workflow.on-event",
}
"""Under which name the consumer of a channel files its failure rows."""
_QUEUE, _DEAD = "QueueUrl", "DlqUrl"
_EMULATOR_QUEUES = "/_ministack/sqs/messages"
"""Shows messages without receiving them."""
_LOOK_SECONDS = 30.0
_HASH = re.compile(r"[0-9A-F]{8}$")
_DEPTHS = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")


@dataclass(frozen=True)
class Stack:
    """One stack of a platform: `part` is its name without `onyx-<env>-`."""

    name: str
    part: str
    outputs: Mapping[str, str]


@dataclass(frozen=True)
class Channel:
    """A queue whose failures are kept. `queue` is None for a relay's or a schedule's failure queue."""

    name: str
    """`<stack part>/<channel>`, e.g. `cost-center/LandedBills`."""
    queue: str | None
    dead: str
    inbox: str | None
    """The table with the failure rows of its consumer."""

    @property
    def short(self) -> str:
        return self.name.rpartition("/")[2]

    @property
    def consumer(self) -> str | None:
        return CONSUMERS.get(self.name)


def asking(connected: Session, what: str, call: Callable[[], T]) -> T:
    """`call()`, with a refusal or silence of AWS as one line that says `what` was tried."""
    try:
        return call()
    except EndpointConnectionError:
        raise CommandError(connected.unreachable) from None
    except (BotoCoreError, ClientError) as error:
        raise CommandError(f"{what}: {error}") from None


def stacks(connected: Session) -> list[Stack]:
    """The platform's stacks, by name. CommandError when there is none."""
    prefix = f"onyx-{connected.env}-"
    pages = connected.platform.client("cloudformation").get_paginator("describe_stacks").paginate()
    found = asking(
        connected, "The stacks cannot be read", lambda: [stack for page in pages for stack in page["Stacks"]]
    )
    ours = [
        Stack(
            name=stack["StackName"],
            part=stack["StackName"].removeprefix(prefix),
            outputs={one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs", [])},
        )
        for stack in found
        if stack["StackName"].startswith(prefix) and not stack["StackStatus"].startswith("DELETE")
    ]
    if not ours:
        raise CommandError(f"No stack {prefix}* is deployed here.")
    return sorted(ours, key=lambda stack: stack.name)


def channels(connected: Session, parts: Sequence[Stack]) -> list[Channel]:
    """Every event channel, then every failure queue, of each stack."""
    return [
        channel
        for stack in parts
        for channel in (*_event_channels(stack), *_failure_queues(connected, stack))
    ]


def find(known: Sequence[Channel], name: str) -> Channel:
    """The channel of that name, whole or without its stack. A usage error names those that there are."""
    if whole := [channel for channel in known if channel.name.lower() == name.lower()]:
        return whole[0]
    if len(short := [channel for channel in known if channel.short.lower() == name.lower()]) == 1:
        return short[0]
    names = [channel.name for channel in short or known]
    raise usage(f"{name} is {'several channels' if short else 'no channel'}: {', '.join(names)}.")


def depths(connected: Session, url: str) -> tuple[int, int]:
    """(waiting, in flight), as SQS approximates them."""
    sqs = connected.platform.client("sqs")
    found = asking(
        connected,
        "A queue cannot be read",
        lambda: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(_DEPTHS))["Attributes"],
    )
    waiting, flying = (int(found.get(name, 0)) for name in _DEPTHS)
    return waiting, flying


def oldest_ages(connected: Session, urls: Sequence[str], now: datetime) -> dict[str, int]:
    """Seconds that the oldest message of each queue waits, by CloudWatch; a queue without data is not in it.

    SQS itself does not tell it, and receiving to find out would take a delivery from the consumer, and one of
    its few receives from the message. Locally there are no such metrics, but an emulator that can be looked
    into.
    """
    queries = [
        {
            "Id": f"q{number}",
            "MetricStat": {
                "Metric": {
                    "Namespace": "AWS/SQS",
                    "MetricName": "ApproximateAgeOfOldestMessage",
                    "Dimensions": [{"Name": "QueueName", "Value": url.rpartition("/")[2]}],
                },
                "Period": 60,
                "Stat": "Maximum",
            },
        }
        for number, url in enumerate(urls)
    ]
    if not queries:
        return {}
    if connected.env == LOCAL:
        return {url: age for url in urls if (age := _looked_into(connected, url, now)) is not None}
    cloudwatch = connected.platform.client("cloudwatch")
    answer = asking(
        connected,
        "The age of messages cannot be read",
        lambda: cloudwatch.get_metric_data(
            MetricDataQueries=queries,
            StartTime=now - timedelta(minutes=10),
            EndTime=now,
            ScanBy="TimestampDescending",
        )["MetricDataResults"],
    )
    return {urls[int(one["Id"][1:])]: int(one["Values"][0]) for one in answer if one.get("Values")}


def _looked_into(connected: Session, url: str, now: datetime) -> int | None:
    """The age of the oldest message in the emulator's queue, in sight or not; None where it is empty."""
    with httpx.Client(transport=connected.transport, timeout=_LOOK_SECONDS, trust_env=False) as emulator:
        try:
            answer = emulator.get(f"{connected.platform.url}{_EMULATOR_QUEUES}", params={"QueueUrl": url})
        except httpx.TransportError:
            raise CommandError(connected.unreachable) from None
    if not answer.is_success:
        raise CommandError(f"The age of messages cannot be read: HTTP {answer.status_code}")
    sent = [
        int(message["Attributes"]["SentTimestamp"])
        for account in answer.json()["messages"].values()
        for queues in account.values()
        for messages in queues.values()
        for message in messages
    ]
    return max(0, int(now.timestamp() - min(sent) / 1000)) if sent else None


def _event_channels(stack: Stack) -> Iterator[Channel]:
    for key, url in sorted(stack.outputs.items()):
        name = key.removesuffix(_QUEUE)
        if name != key and (dead := stack.outputs.get(name + _DEAD)):
            yield Channel(f"{stack.part}/{name}", url, dead, stack.outputs.get("InboxTable"))


def _failure_queues(connected: Session, stack: Stack) -> Iterator[Channel]:
    """Queues that no channel names: what a relay or a schedule gave up ends there."""
    pages = connected.platform.client("cloudformation").get_paginator("list_stack_resources")
    found: list[dict[str, Any]] = asking(
        connected,
        f"The resources of {stack.name} cannot be read",
        lambda: [
            one
            for page in pages.paginate(StackName=stack.name)
            for one in page["StackResourceSummaries"]
            if one["ResourceType"] == "AWS::SQS::Queue" and one.get("PhysicalResourceId")
        ],
    )
    named = {url for key, url in stack.outputs.items() if key.endswith((_QUEUE, _DEAD))}
    for one in sorted(found, key=lambda each: str(each["LogicalResourceId"])):
        if (url := str(one["PhysicalResourceId"])) not in named:
            name = _HASH.sub("", one["LogicalResourceId"])
            yield Channel(f"{stack.part}/{name}", None, url, None)
