"""The Lambda function that publishes a domain's outbox: its stream, and on a schedule what that missed."""

from typing import Any

from shared.config import Settings, load_settings
from shared.errors import BadRequest, Unavailable
from shared.observability import clear_context, logger
from shared.outbox import Relay


class RelaySettings(Settings):
    outbox_table: str
    bus_name: str


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """A DynamoDB stream batch -> batchItemFailures; a scheduled event -> {"sent", "failed"} of a sweep.

    Raises Unavailable when a sweep could not publish a row (it stays pending), so that the alarm sees it.
    """
    clear_context()
    settings = load_settings(RelaySettings)
    relay = Relay(bus=settings.bus_name, table=settings.outbox_table)
    if "Records" in event:
        return dict(relay.stream(event["Records"]))
    if event.get("detail-type") != "Scheduled Event" and event.get("sweep") is not True:
        raise BadRequest('the relay takes stream records, a scheduled event or {"sweep": true}')
    sent, failed = relay.sweep()
    logger.info("outbox swept", sent=sent, failed=failed)
    if failed:
        raise Unavailable(f"{failed} outbox rows could not be published")
    return {"sent": sent, "failed": failed}
