"""EventBridge Scheduler: one schedule per cron trigger, which puts CronDue.v1 on the platform's bus.

The event is a whole envelope: Scheduler writes the time that it was meant for into it. A schedule never
changes: its name holds what it says (see `domain.naming.schedule_name`).
"""

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from services.workflow.domain.definition import CronTrigger
from services.workflow.domain.naming import schedule_name, schedule_prefix
from services.workflow.events import CronDue
from shared import aws
from shared.errors import TooManyRequests
from shared.events import data_schema
from shared.tenancy import TenantId

if TYPE_CHECKING:
    from mypy_boto3_scheduler import EventBridgeSchedulerClient

SCHEDULED = "<aws.scheduler.scheduled-time>"
_RETRIED_FOR = 24 * 60 * 60
"""Seconds for which Scheduler tries to put an event on the bus."""


class Schedules:
    """The schedules in `group` (one per environment). `bus_arn` is their target, `role_arn` what Scheduler
    assumes for it."""

    def __init__(
        self,
        group: str,
        bus_arn: str,
        role_arn: str,
        client: "EventBridgeSchedulerClient | None" = None,
    ) -> None:
        self._group = group
        self._bus = bus_arn
        self._role = role_arn
        self._given = client

    @property
    def _client(self) -> "EventBridgeSchedulerClient":
        made: EventBridgeSchedulerClient = self._given or aws.client("scheduler")
        return made

    def name(self, tenant: TenantId, workflow: str, trigger: CronTrigger) -> str:
        return schedule_name(tenant, workflow, trigger)

    def ensure(self, tenant: TenantId, workflow: str, trigger: CronTrigger) -> str:
        name = schedule_name(tenant, workflow, trigger)
        try:
            self._client.create_schedule(
                Name=name,
                GroupName=self._group,
                ScheduleExpression=f"cron({trigger.cron})",
                ScheduleExpressionTimezone=trigger.timezone,
                FlexibleTimeWindow={"Mode": "OFF"},
                State="ENABLED",
                Description=f"{tenant} {workflow} {trigger.name}",
                Target={
                    "Arn": self._bus,
                    "RoleArn": self._role,
                    "EventBridgeParameters": {
                        "DetailType": CronDue.detail_type(),
                        "Source": CronDue.source,
                    },
                    "Input": due(name, tenant, workflow, trigger.name),
                    "RetryPolicy": {"MaximumEventAgeInSeconds": _RETRIED_FOR, "MaximumRetryAttempts": 185},
                },
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConflictException":
                raise _throttled(error) from error
        return name

    def names(self, tenant: TenantId) -> frozenset[str]:
        found: set[str] = set()
        request: dict[str, Any] = {"GroupName": self._group, "NamePrefix": schedule_prefix(tenant)}
        while True:
            answer = self._client.list_schedules(**request)
            found |= {each["Name"] for each in answer["Schedules"]}
            if not answer.get("NextToken"):
                return frozenset(found)
            request["NextToken"] = answer["NextToken"]

    def delete(self, name: str) -> None:
        try:
            self._client.delete_schedule(Name=name, GroupName=self._group)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise _throttled(error) from error


def due(schedule: str, tenant: TenantId, workflow: str, trigger: str) -> str:
    """The envelope of CronDue.v1, with Scheduler's placeholder where the time belongs."""
    return json.dumps(
        {
            "specversion": "1.0",
            "id": f"{schedule}.{SCHEDULED}",
            "source": CronDue.source,
            "type": CronDue.detail_type(),
            "subject": workflow,
            "time": SCHEDULED,
            "datacontenttype": "application/json",
            "dataschema": data_schema(CronDue),
            "tenantid": tenant,
            "data": {"tenant": tenant, "workflow": workflow, "trigger": trigger, "scheduled_at": SCHEDULED},
        }
    )


def _throttled(error: ClientError) -> Exception:
    if error.response["Error"]["Code"] == "ThrottlingException":
        return TooManyRequests("EventBridge Scheduler is busy", retry_after=5)
    return error
