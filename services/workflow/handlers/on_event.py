"""Any event of the platform -> the runs that triggers ask for, a batch of messages in few writes."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from services.workflow.adapters.start_settings import TriggerJobSettings
from services.workflow.handlers.start_wiring import matching
from shared.config import load_settings
from shared.consumer import Consumer
from shared.events import AnyEvent, Envelope, Event
from shared.inbox import Inbox
from shared.observability import traced


@lru_cache(maxsize=1)
def consumer() -> Consumer:
    settings = load_settings(TriggerJobSettings)
    match = matching(settings)

    def together(events: Sequence[tuple[Envelope, Event]]) -> None:
        match([env for env, _ in events])

    # A request for a run is known by the run's id: a claim would protect nothing more.
    return Consumer(
        "workflow.on-event",
        [AnyEvent],
        lambda env, event: together([(env, event)]),
        Inbox(settings.inbox_table),
        claims=False,
        handle_together=together,
    )


@traced
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return consumer().process(event["Records"])
