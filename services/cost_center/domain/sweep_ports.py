"""What the sweeps need from outside, as Protocols."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from services.cost_center.domain.bill import Delivery
from services.cost_center.domain.history import Publication
from services.cost_center.domain.landing import LandedObject
from services.cost_center.domain.sweeps import (
    LakePage,
    LandedPage,
    LandingState,
    OrphanState,
    Position,
    Resent,
)
from shared.events import Envelope
from shared.tenancy import TenantId


class LandedVersions(Protocol):
    """The landing bucket as a list. Every call is one request and one page."""

    def sources(self, tenant: TenantId) -> Sequence[str]:
        """The first thousand sources of the tenant, without the objects in them."""
        ...

    def page(self, prefix: str, after: Position | None) -> LandedPage: ...


class LandingQueue(Protocol):
    """The queue that the ingester reads."""

    def send(self, landed: LandedObject) -> None:
        """Tell of the object as S3 did when it was put."""
        ...


class LakeFiles(Protocol):
    """The lake's bucket as a list. Every listing is one request and one page."""

    def page(self, tenant: TenantId, after: str | None) -> LakePage: ...

    def delete(self, keys: Sequence[str]) -> None:
        """Delete the newest version of each; the bucket keeps what was for its lifecycle's time."""
        ...


class LandingSweepRows(Protocol):
    """What the landing sweep reads and remembers."""

    def delivery(self, tenant: TenantId, delivery_id: str) -> Delivery | None: ...

    def resent(self, tenant: TenantId, delivery_id: str) -> Resent | None: ...

    def landing_state(self, tenant: TenantId) -> LandingState: ...

    def save_landing(
        self,
        tenant: TenantId,
        state: LandingState,
        resent: Mapping[str, Resent],
        word: Envelope | None,
    ) -> None:
        """State, what was sent again (at most 90) and the event that tells of it: all or nothing."""
        ...


class SetRows(Protocol):
    """The published sets of a tenant, of today and of history."""

    def publications(self, tenant: TenantId) -> Mapping[str, Sequence[Publication]]:
        """By bill id, oldest first: every set that ever was."""
        ...

    def let_go(self, tenant: TenantId, bill_id: str, published_at: datetime) -> None:
        """Forget the files of one set. What it came from and its totals stay known."""
        ...

    def ask_maintenance(self, tenant: TenantId, now: datetime) -> None:
        """Have the tenant's tables maintained, once a week however often it is asked."""
        ...

    def bound_snapshots(self, tenant: TenantId) -> Mapping[tuple[str, str], set[int]]:
        """By database and table, the Iceberg snapshots that sets name which can still be read."""
        ...


class LakeTables(Protocol):
    """The tenant's Iceberg tables, to be maintained."""

    def expire_snapshots(
        self, tenant: TenantId, database: str, table: str, *, keep: set[int], before: datetime
    ) -> int:
        """Forget the snapshots made before that moment, but for `keep` and the table's head; how many.

        Raises Unavailable after too many lost races with writers.
        """
        ...


class OrphanSweepRows(Protocol):
    """What the orphan sweep reads and remembers."""

    def delivery(self, tenant: TenantId, delivery_id: str) -> Delivery | None: ...

    def published_files(self, tenant: TenantId) -> set[str]:
        """The URIs that any published set names: those of today and those of history."""
        ...

    def orphan_state(self, tenant: TenantId) -> OrphanState: ...

    def save_orphans(self, tenant: TenantId, state: OrphanState, word: Envelope | None) -> None: ...
