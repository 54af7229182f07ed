"""ApprovalDecided -> the step's end in the journal, and word of it to the state that waits."""

from functools import lru_cache
from typing import Any

from services.workflow.adapters.runtime_settings import AnswerSettings
from services.workflow.events import ApprovalDecided
from services.workflow.handlers.runtime_wiring import answers
from shared.config import load_settings
from shared.consumer import Consumer
from shared.events import Envelope, Event
from shared.inbox import Inbox
from shared.observability import traced


@lru_cache(maxsize=1)
def consumer() -> Consumer:
    take = answers()

    def on_approval_decided(env: Envelope, event: Event) -> None:
        assert isinstance(event, ApprovalDecided)  # noqa: S101 - the consumer accepts no other
        take.approval_decided(env.tenant, event)

    inbox = Inbox(load_settings(AnswerSettings).inbox_table)
    # The journal's conditional write says what was taken: a claim would protect nothing more.
    return Consumer(
        "workflow.on-approval-decided", [ApprovalDecided], on_approval_decided, inbox, claims=False
    )


@traced
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return consumer().process(event["Records"])
