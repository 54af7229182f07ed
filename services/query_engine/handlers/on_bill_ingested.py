"""Lambda: a bill was published or restated, so its tables can be queried."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from services.cost_center.events import BillIngested, BillRestated
from services.query_engine.adapters.dataset_table import DatasetTable
from services.query_engine.adapters.settings import ConsumerSettings
from services.query_engine.application.record_dataset import RecordDataset
from shared.config import load_settings
from shared.consumer import Consumer
from shared.events import Envelope, Event
from shared.inbox import Inbox
from shared.observability import logger, traced
from shared.table import TenantTable

NAME = "query-engine.on-bill-ingested"


@cache
def consumer() -> Consumer:
    settings = load_settings(ConsumerSettings)
    record = RecordDataset(DatasetTable(TenantTable(settings.dataset_table)))

    def handle(envelope: Envelope, event: Event) -> None:
        # What is recorded is its own record: a line per event would be a price per event.
        if isinstance(event, BillIngested) and not record(envelope.tenant, event):
            logger.info("a publication that is no news", bill_id=event.bill_id)

    def handle_together(events: Sequence[tuple[Envelope, Event]]) -> None:
        record.together([(env.tenant, event) for env, event in events if isinstance(event, BillIngested)])

    # One conditional write: a claim would protect nothing that the write does not.
    return Consumer(
        NAME,
        [BillIngested, BillRestated],
        handle,
        Inbox(settings.inbox_table),
        claims=False,
        handle_together=handle_together,
    )


@traced
def handler(event: dict[str, Any], context: Any) -> dict[str, list[dict[str, str]]]:
    return consumer().process(event["Records"])
