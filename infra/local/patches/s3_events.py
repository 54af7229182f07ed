"""S3: what an event on the bus says of an object."""

import json
from contextvars import ContextVar
from typing import Any

from ministack.services import eventbridge, s3

_version: ContextVar[str | None] = ContextVar("version_of_the_object", default=None)


def tell_the_version_of_an_object() -> None:
    """`object.version-id` is missing on EventBridge, so that two deliveries under one key look alike."""
    fire = s3._fire_s3_event
    dispatch = eventbridge._dispatch_event

    def firing(*arguments: Any, **options: Any) -> None:
        token = _version.set(options.get("version_id"))
        try:
            fire(*arguments, **options)
        finally:
            _version.reset(token)

    def dispatching(event: dict[str, Any], *rest: Any) -> Any:
        if event.get("Source") == "aws.s3" and (version := _version.get()):
            detail = json.loads(event["Detail"])
            detail["object"]["version-id"] = version
            event = {**event, "Detail": json.dumps(detail)}
        return dispatch(event, *rest)

    s3._fire_s3_event = firing
    eventbridge._dispatch_event = dispatching
