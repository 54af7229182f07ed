"""The Lambda function that publishes a domain's outbox: its stream, and on a schedule what that missed."""

from collections import defaultdict
from typing import Any

from shared.clock import SystemClock
from shared.config import Settings, load_settings
from shared.errors import BadRequest, Unavailable
from shared.events import Envelope
from shared.ids import UuidIds
from shared.observability import clear_context, logger
from shared.outbox import Outbox, Relay
from shared.sweeps import OUTBOX_METRIC, SweepHealed, healed, measure
from shared.table import transact
from shared.tenancy import TenantId


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
    return _sweep(relay, Outbox(settings.outbox_table))


def _sweep(relay: Relay, outbox: Outbox) -> dict[str, Any]:
    published: dict[TenantId, list[str]] = defaultdict(list)

    def note(env: Envelope) -> None:
        # Word of an earlier sweep is no fact that was lost: else a dead stream would make word of word.
        if env.type != SweepHealed.detail_type():
            published[env.tenant].append(env.id)

    sent, failed = relay.sweep(note=note)
    logger.info("outbox swept", sent=sent, failed=failed)
    measure(OUTBOX_METRIC, sum(map(len, published.values())))
    clock, ids = SystemClock(), UuidIds()
    for tenant, events in published.items():
        transact(outbox.client, [outbox.item(healed("outbox", tenant, events, clock=clock, ids=ids))])
    if failed:
        raise Unavailable(f"{failed} outbox rows could not be published")
    return {"sent": sent, "failed": failed}
