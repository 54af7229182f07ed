"""Events as they leave with a change of a row."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from shared.clock import Clock
from shared.errors import Conflict, VersionConflict
from shared.events import Event, envelope
from shared.ids import Ids
from shared.outbox import Outbox
from shared.table import TenantTable, transact
from shared.tenancy import TenantId

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef


class Outgoing:
    """Writes rows and their events in one transaction."""

    def __init__(self, outbox: Outbox, clock: Clock, ids: Ids) -> None:
        self._outbox = outbox
        self._clock = clock
        self._ids = ids

    def now(self) -> datetime:
        """What the clock says that its events carry."""
        return self._clock.now()

    def write(
        self,
        table: TenantTable,
        tenant: TenantId,
        writes: "Sequence[TransactWriteItemTypeDef]",
        events: Sequence[Event],
        *,
        about: str,
    ) -> None:
        """All or nothing. Raises VersionConflict where a row is not as it was read (also where it was read as
        absent). `about` is the run: whoever follows one event finds the others by it."""
        now = self._clock.now()
        told = [
            self._outbox.item(
                envelope(each, tenant=tenant, id=self._ids.new(), time=now, correlationid=about)
            )
            for each in events
        ]
        try:
            transact(table.client, [*writes, *told])
        except VersionConflict:
            raise
        except Conflict as error:
            raise VersionConflict(error.detail) from error
