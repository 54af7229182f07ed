"""What the use cases need of the world. Every write takes the event that tells of it: both or neither."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from services.identity.domain.mappings import SsoMapping
from services.identity.domain.tenants import Tenant
from services.identity.domain.users import User
from shared.events import Event
from shared.tenancy import TenantId

T = TypeVar("T")


@dataclass(frozen=True)
class Page(Generic[T]):
    """`cursor` is None on the last page."""

    rows: Sequence[T]
    cursor: str | None


class TenantLookup(Protocol):
    def get(self, tenant: TenantId) -> Tenant | None: ...


class UserLookup(Protocol):
    def get(self, tenant: TenantId, username: str) -> User | None: ...


class MappingLookup(Protocol):
    def get(self, issuer: str, client_id: str) -> SsoMapping | None: ...


class Tenants(TenantLookup, Protocol):
    def add(self, tenant: Tenant, event: Event) -> None:
        """Conflict when the tenant exists."""

    def save(self, tenant: Tenant, event: Event) -> None:
        """VersionConflict when the tenant changed since it was read."""

    def all(self) -> Sequence[Tenant]:
        """All tenants by id: for the platform's operator, who has hundreds of them, not millions."""


class Users(UserLookup, Protocol):
    def add(self, user: User, event: Event) -> None:
        """Conflict when the tenant has this user."""

    def save(self, user: User, event: Event) -> None:
        """VersionConflict when the user changed since it was read."""

    def page(self, tenant: TenantId, *, limit: int, cursor: str | None) -> Page[User]:
        """The tenant's users by name."""


class Mappings(MappingLookup, Protocol):
    def add(self, mapping: SsoMapping, event: Event) -> None:
        """Conflict when the issuer and client are mapped, whoever mapped them."""

    def remove(self, mapping: SsoMapping, event: Event) -> None:
        """Conflict when this tenant does not hold the mapping any more."""

    def page(self, tenant: TenantId, *, limit: int, cursor: str | None) -> Page[SsoMapping]:
        """The tenant's mappings by issuer and client."""


@dataclass(frozen=True)
class AccessToken:
    """Seconds until it expires count from its issue."""

    value: str
    expires_in: int

    def __repr__(self) -> str:
        return f"AccessToken(value=..., expires_in={self.expires_in})"


class Directory(Protocol):
    """The user pool: names, passwords and tokens."""

    def tenant_of(self, username: str) -> str | None:
        """The tenant that the pool holds for this user: None without such a user, '' without a tenant."""

    def create(self, tenant: TenantId, username: str, *, invite: bool) -> None:
        """Conflict when the pool has this user. `invite` sends it a temporary password by e-mail."""

    def disable(self, username: str) -> None:
        """No further login and no refresh. NotFound without such a user; a second time is no error."""

    def issue(self, username: str) -> AccessToken:
        """A fresh token by a random password that nobody keeps. Forbidden when the login is refused."""
