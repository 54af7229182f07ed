"""State and event in one transaction, and one audit line for each act that was committed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.clock import Clock
from shared.events import Event, envelope
from shared.ids import Ids
from shared.observability import logger
from shared.outbox import Outbox
from shared.tenancy import TenantId
from shared.transactions import transact

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef


@dataclass(frozen=True)
class Transactions:
    """Commits what a repository wants written together with the event that tells of it."""

    outbox: Outbox
    ids: Ids
    clock: Clock
    client: "DynamoDBClient | None" = None

    def commit(self, tenant: TenantId, writes: "Sequence[TransactWriteItemTypeDef]", event: Event) -> None:
        """Raises Conflict or VersionConflict when a write does not hold: then nothing was written."""
        told = envelope(event, tenant=tenant, id=self.ids.new(), time=self.clock.now())
        transact(self.client, [*writes, self.outbox.item(told)])
        # The event is the record; the line is for whoever reads logs: who (`by`), what (`act`), when.
        logger.info("audit", extra={"act": event.detail_type(), "event_id": told.id, "facts": told.data})
