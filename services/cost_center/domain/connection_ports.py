"""What connecting and pulling need from outside, as Protocols."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from services.cost_center.domain.connection import Connection
from services.cost_center.domain.pull import Progress, SourceObject
from shared.events import Event
from shared.tenancy import TenantId


@dataclass(frozen=True)
class ConnectionPage:
    """Connections in order of their source, and the token of the next page."""

    connections: Sequence[Connection]
    cursor: str | None


class Connections(Protocol):
    """The connection table and the outbox. Versions are those that were read: Conflict if somebody wrote."""

    def external_id(self, tenant: TenantId) -> str:
        """The tenant's one external id: made when first asked for, the same ever after. Never logged."""
        ...

    def get(self, tenant: TenantId, source: str) -> Connection | None: ...

    def page(self, tenant: TenantId, *, limit: int, cursor: str | None) -> ConnectionPage: ...

    def every(self, tenant: TenantId) -> Sequence[Connection]: ...

    def save(self, tenant: TenantId, connection: Connection, event: Event | None) -> Connection:
        """The connection as it was stored, with the event that tells of it: both or neither."""
        ...

    def remove(self, tenant: TenantId, connection: Connection, event: Event) -> None:
        """The connection and how far it was pulled. What landed stays."""
        ...

    def progress(self, tenant: TenantId, connection: Connection) -> Mapping[str, Progress]:
        """How far each billing period was pulled."""
        ...

    def save_progress(self, tenant: TenantId, connection: Connection, progress: Progress) -> Progress: ...


class CustomerBucket(Protocol):
    """One connection's bucket, read under the customer's role. Raises AccountRefused, PullFailed, and
    Unavailable for what may work later."""

    def check(self) -> None:
        """Whether the export's folder can be listed."""
        ...

    def manifests(self) -> Sequence[SourceObject]: ...

    def read(self, found: SourceObject) -> bytes:
        """That very object's bytes. ManifestReplaced when another is there by now."""
        ...

    def land_manifest(self, found: SourceObject, key: str) -> int:
        """Copy that very object to the landing bucket; returns its bytes. ManifestReplaced as above."""
        ...

    def land(self, key: str, landing_key: str, time_is_up: Callable[[], bool]) -> int | None:
        """Copy one data file to the landing bucket; returns its bytes, None when time was up before its end.

        Nothing is seen of a file that was not copied to its last byte and checked.
        """
        ...


class CustomerAccounts(Protocol):
    """Roles in customers' accounts."""

    def open(self, tenant: TenantId, connection: Connection, external_id: str | None) -> CustomerBucket:
        """Assume the connection's role. Raises RoleRefused, or Unavailable when nobody answered."""
        ...
