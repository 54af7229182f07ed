"""CronDue -> the run of that time, and of those that were missed."""

from functools import lru_cache
from typing import Any

from services.workflow.adapters.start_settings import CronJobSettings
from services.workflow.events import CronDue
from services.workflow.handlers.start_wiring import scheduling
from shared.config import load_settings
from shared.consumer import Consumer
from shared.events import Envelope, Event
from shared.inbox import Inbox
from shared.observability import traced


@lru_cache(maxsize=1)
def consumer() -> Consumer:
    settings = load_settings(CronJobSettings)
    run = scheduling(settings)

    def on_cron(env: Envelope, event: Event) -> None:
        assert isinstance(event, CronDue)  # noqa: S101 - the consumer accepts no other
        run(env.tenant, event.workflow, event.trigger, event.scheduled_at)

    # A run is known by its time: a claim would protect nothing more.
    return Consumer("workflow.on-cron", [CronDue], on_cron, Inbox(settings.inbox_table), claims=False)


@traced
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return consumer().process(event["Records"])
