"""Steps of workflows, polled beside the routes: `query.run`, in a tenant's turn like any other query."""

import threading
from collections.abc import Callable

from services.query_engine.adapters.action_answers import ActionAnswers
from services.query_engine.adapters.settings import ServerSettings
from services.query_engine.application.perform_actions import PerformActions
from services.query_engine.application.serve_query import ServeQuery
from shared.actions import ActionRequested
from shared.clock import SystemClock
from shared.consumer import Consumer, Poller
from shared.events import Envelope, Event
from shared.inbox import Inbox
from shared.observability import logger
from shared.outbox import Outbox

NAME = "query-engine.actions"


def poller(settings: ServerSettings, serve: ServeQuery) -> Poller:
    perform = PerformActions(serve, ActionAnswers(Outbox(settings.outbox_table), SystemClock()).tell)

    def handle(env: Envelope, event: Event) -> None:
        if isinstance(event, ActionRequested):
            perform(env, event)

    inbox = Inbox(settings.inbox_table)
    consumer = Consumer(NAME, [ActionRequested], handle, inbox, claims=False)
    return Poller(
        settings.actions_queue_url,
        consumer.consume,
        name=NAME,
        inbox=inbox,
        tenant_of=consumer.tenant_of,
        receives=settings.actions_receives,
    )


def start(settings: ServerSettings, serve: ServeQuery) -> Callable[[], None]:
    """Polls in a thread of its own; returns what ends it, after the query in hand."""
    made = poller(settings, serve)

    def run() -> None:
        try:
            made.run()
        except Exception:  # noqa: BLE001 - the routes go on, and the queue's age raises the alarm
            logger.exception("the poller of actions died")

    thread = threading.Thread(target=run, name=NAME, daemon=True)
    thread.start()

    def close() -> None:
        made.stop.set()
        thread.join()

    return close
