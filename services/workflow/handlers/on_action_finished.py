"""ActionFinished -> the answer in the journal, and word of it to the state that waits.

ActionProgressed -> that state goes on waiting.
"""

from functools import lru_cache
from typing import Any

from services.workflow.adapters.runtime_settings import AnswerSettings
from services.workflow.handlers.runtime_wiring import answers
from shared.actions import ActionFinished, ActionProgressed
from shared.config import load_settings
from shared.consumer import Consumer
from shared.events import Envelope, Event
from shared.inbox import Inbox
from shared.observability import traced


@lru_cache(maxsize=1)
def consumer() -> Consumer:
    take = answers()

    def on_action_finished(env: Envelope, event: Event) -> None:
        if isinstance(event, ActionProgressed):
            take.action_progressed(env.tenant, event)
        elif isinstance(event, ActionFinished):
            take.action_finished(env.tenant, event)

    inbox = Inbox(load_settings(AnswerSettings).inbox_table)
    # The journal's conditional write says what was taken: a claim would protect nothing more.
    return Consumer(
        "workflow.on-action-finished",
        [ActionFinished, ActionProgressed],
        on_action_finished,
        inbox,
        claims=False,
    )


@traced
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return consumer().process(event["Records"])
