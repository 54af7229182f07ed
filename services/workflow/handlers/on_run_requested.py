"""A run's life outside its execution: RunRequested -> it starts, or waits; RunCancelled -> it is stopped;
RunFinished -> it is sealed, and what waited for its place starts."""

from functools import lru_cache
from typing import Any

from services.workflow.adapters.start_settings import ExecutionJobSettings
from services.workflow.events import RunCancelled, RunFinished, RunRequested
from services.workflow.handlers.runtime_wiring import cancel, runtime, seal
from services.workflow.handlers.start_wiring import run_queue
from shared.config import load_settings
from shared.consumer import Consumer
from shared.events import Envelope, Event
from shared.inbox import Inbox
from shared.observability import traced


@lru_cache(maxsize=1)
def consumer() -> Consumer:
    settings = load_settings(ExecutionJobSettings)
    queue, made = run_queue(settings), runtime(settings)
    cancelling, sealing = cancel(made), seal(made, settings)

    def on_run(env: Envelope, event: Event) -> None:
        match event:
            case RunRequested():
                queue.accept(env.tenant, event, env.time)
            case RunCancelled():
                cancelling.advance(env.tenant, event.run_id)
            case RunFinished():
                sealing(env.tenant, event.run_id)
                queue.drain(env.tenant, event.workflow)

    # Each of these looks at what is there and does what is left: a claim would protect nothing more.
    return Consumer(
        "workflow.on-run-requested",
        [RunRequested, RunCancelled, RunFinished],
        on_run,
        Inbox(settings.inbox_table),
        claims=False,
    )


@traced
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return consumer().process(event["Records"])
