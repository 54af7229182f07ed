"""Reading what was published of a bill over time, and what each restatement changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Protocol

from services.cost_center.domain.history import HistoricSet
from services.cost_center.domain.ports import Bills
from services.cost_center.events import SetChanges
from shared.clock import iso
from shared.errors import NotFound
from shared.tenancy import TenantId

NO_RESTATEMENT = "NO_RESTATEMENT"


class Documents(Protocol):
    """Documents of changes, for who has no access to the lake."""

    def signed(self, tenant: TenantId, uri: str) -> str:
        """An address from which anybody who has it can read the document for a while."""
        ...


@dataclass(frozen=True)
class Restatement:
    """One set, the set before it, what changed, and where all of it can be read (None: nowhere)."""

    current: HistoricSet
    previous: HistoricSet
    changes: SetChanges
    document_url: str | None


@dataclass(frozen=True)
class ReadHistory:
    """The use cases."""

    bills: Bills
    documents: Documents

    def sets(self, tenant: TenantId, bill_id: str) -> Sequence[HistoricSet]:
        """Every published set, the newest first; none of a bill that was only ever rejected."""
        found = self.bills.history_of(tenant, bill_id)
        if not found and self.bills.bill(tenant, bill_id) is None:
            raise NotFound(f"there is no bill {bill_id}")
        return found

    def restatement(self, tenant: TenantId, bill_id: str, to: datetime | None) -> Restatement:
        """What the set published at `to` changed of the one before it (None: the newest set).

        Raises NotFound (NO_RESTATEMENT) where no such set replaced another.
        """
        sets = self.sets(tenant, bill_id)
        for current, previous in pairwise(sets):
            if to in (None, current.published_at) and current.changes is not None:
                uri = current.changes.document
                url = None if uri is None else self.documents.signed(tenant, uri)
                return Restatement(current, previous, current.changes, url)
        when = "" if to is None else f" at {iso(to)}"
        raise NotFound(f"bill {bill_id} was not restated{when}", code=NO_RESTATEMENT)
