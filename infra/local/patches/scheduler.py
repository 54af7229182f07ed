"""EventBridge Scheduler: time zones, buses as targets, and what stands for the moment in a target's input."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from ministack import app
from ministack.core.responses import new_uuid, set_request_account_id, set_request_region
from ministack.services import eventbridge, scheduler

_LOOKS = 1
"""Seconds between two looks at the schedules; the emulator's ten are long for a test."""


def keep_schedules_as_declared(clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
    """`cron` and `at` ignore ScheduleExpressionTimezone, EventBridgeParameters are ignored,
    `<aws.scheduler.*>` stays as it is, a time that comes before the first look is missed, and policies take
    what fires for plain HTTP."""
    began = clock()
    scheduler._SCHEDULE_TICK_INTERVAL = _LOOKS
    scheduler._tick_schedules = lambda: _tick(clock(), began)


def _tick(now: datetime, began: datetime) -> None:
    """Fires what is due. Times before the emulator `began` are over: nothing fired while it was down."""
    for key, schedule in list(scheduler._schedules._data.items()):
        since = max(
            _moment(schedule["LastModificationDate"]), began, scheduler._schedule_last_fired.get(key, began)
        )
        if schedule.get("State") != "ENABLED" or not _within_its_dates(schedule, now):
            continue
        expression, zone = schedule["ScheduleExpression"], schedule.get("ScheduleExpressionTimezone") or "UTC"
        due = next_time(expression, ZoneInfo(zone), since)
        if due is None or due > now:
            continue
        scheduler._schedule_last_fired[key] = due
        threading.Thread(target=_fire, args=(key, schedule, due), daemon=True).start()
        if expression.startswith("at(") and schedule.get("ActionAfterCompletion") == "DELETE":
            scheduler._schedules._data.pop(key, None)
            scheduler._schedule_last_fired.pop(key, None)


def next_time(expression: str, zone: ZoneInfo, since: datetime) -> datetime | None:
    """The first time after `since`, in UTC; None: there is none. Of a day that the clock jumps over there is
    none, and an hour that comes twice counts once, as on AWS."""
    if expression.startswith("at("):
        at = datetime.fromisoformat(expression[3:-1]).replace(tzinfo=zone).astimezone(UTC)
        return at if at > since else None
    if (seconds := eventbridge._parse_rate_seconds(expression)) is not None:
        return since + timedelta(seconds=seconds)
    fields = eventbridge._parse_cron_fields(expression)
    local = since.astimezone(zone).replace(tzinfo=None)
    while fields is not None:
        found: datetime | None = eventbridge._cron_next_fire(fields, local.replace(tzinfo=UTC))
        if found is None:
            return None
        local = found.replace(tzinfo=None)
        due = local.replace(tzinfo=zone).astimezone(UTC)
        if due > since and due.astimezone(zone).replace(tzinfo=None) == local:
            return due
    return None


def _within_its_dates(schedule: dict[str, Any], now: datetime) -> bool:
    start, end = schedule.get("StartDate"), schedule.get("EndDate")
    return (start is None or now >= _moment(start)) and (end is None or now <= _moment(end))


def _moment(value: Any) -> datetime:
    return datetime.fromtimestamp(scheduler._to_epoch(value), UTC)


def _fire(key: tuple[str, str, str], schedule: dict[str, Any], due: datetime) -> None:
    account, region, _ = key
    set_request_account_id(account)
    set_request_region(region)
    app.pin_request_origin("127.0.0.1", True)  # policies refuse what does not come by TLS
    execution = new_uuid()
    target = dict(schedule["Target"])
    stands_for = {
        "<aws.scheduler.schedule-arn>": schedule["Arn"],
        "<aws.scheduler.scheduled-time>": due.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "<aws.scheduler.execution-id>": execution,
        "<aws.scheduler.attempt-number>": "1",
    }
    for name, value in stands_for.items():
        if "Input" in target:
            target["Input"] = target["Input"].replace(name, value)
    bus = target.get("EventBridgeParameters") or {}
    event = {
        "EventId": execution,
        "Source": bus.get("Source", "aws.scheduler"),
        "DetailType": bus.get("DetailType", "Scheduled Event"),
        "Detail": "{}",
        "Time": due.timestamp(),
        "Resources": [schedule["Arn"]],
        "Account": account,
        "Region": region,
    }
    eventbridge._invoke_target(target, event, schedule)
