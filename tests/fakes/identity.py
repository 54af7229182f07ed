"""Hand-written stand-ins for identity's ports. State and event change together, as the real ones promise."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from services.identity.domain.mappings import SsoMapping
from services.identity.domain.ports import AccessToken, Page
from services.identity.domain.tenants import Tenant
from services.identity.domain.users import User
from shared.errors import BadRequest, Conflict, Forbidden, NotFound, VersionConflict
from shared.events import Event
from shared.tenancy import TenantId


class Crash(BaseException):
    """The process dies here: no handler of ours may catch it."""


@dataclass
class FakeTenants:
    events: list[Event] = field(default_factory=list)
    rows: dict[str, Tenant] = field(default_factory=dict)

    def get(self, tenant: TenantId) -> Tenant | None:
        return self.rows.get(tenant)

    def add(self, tenant: Tenant, event: Event) -> None:
        if tenant.id in self.rows:
            raise Conflict("exists")
        self.rows[tenant.id] = replace(tenant, version=1)
        self.events.append(event)

    def save(self, tenant: Tenant, event: Event) -> None:
        if tenant.version is None or self.rows[tenant.id].version != tenant.version:
            raise VersionConflict("changed")
        self.rows[tenant.id] = replace(tenant, version=tenant.version + 1)
        self.events.append(event)

    def all(self) -> Sequence[Tenant]:
        return [self.rows[name] for name in sorted(self.rows)]


@dataclass
class FakeUsers:
    """`crash_before_add` is a failpoint: the pool was written, the row was not."""

    events: list[Event] = field(default_factory=list)
    rows: dict[tuple[str, str], User] = field(default_factory=dict)
    crash_before_add: bool = False

    def get(self, tenant: TenantId, username: str) -> User | None:
        return self.rows.get((tenant, username))

    def add(self, user: User, event: Event) -> None:
        if self.crash_before_add:
            self.crash_before_add = False
            raise Crash
        if (user.tenant, user.username) in self.rows:
            raise Conflict("exists")
        self.rows[user.tenant, user.username] = replace(user, version=1)
        self.events.append(event)

    def save(self, user: User, event: Event) -> None:
        key = (user.tenant, user.username)
        if user.version is None or self.rows[key].version != user.version:
            raise VersionConflict("changed")
        self.rows[key] = replace(user, version=user.version + 1)
        self.events.append(event)

    def page(self, tenant: TenantId, *, limit: int, cursor: str | None) -> Page[User]:
        rows = sorted(
            (row for row in self.rows.values() if row.tenant == tenant), key=lambda row: row.username
        )
        return _page(rows, limit, cursor)


@dataclass
class FakeMappings:
    events: list[Event] = field(default_factory=list)
    rows: dict[tuple[str, str], SsoMapping] = field(default_factory=dict)

    def get(self, issuer: str, client_id: str) -> SsoMapping | None:
        return self.rows.get((issuer, client_id))

    def add(self, mapping: SsoMapping, event: Event) -> None:
        if (mapping.issuer, mapping.client_id) in self.rows:
            raise Conflict("exists")
        self.rows[mapping.issuer, mapping.client_id] = mapping
        self.events.append(event)

    def remove(self, mapping: SsoMapping, event: Event) -> None:
        found = self.rows.get((mapping.issuer, mapping.client_id))
        if found is None or found.tenant != mapping.tenant:
            raise Conflict("gone")
        del self.rows[mapping.issuer, mapping.client_id]
        self.events.append(event)

    def page(self, tenant: TenantId, *, limit: int, cursor: str | None) -> Page[SsoMapping]:
        rows = [self.rows[key] for key in sorted(self.rows) if self.rows[key].tenant == tenant]
        return _page(rows, limit, cursor)


@dataclass
class FakeDirectory:
    """`pool` is username -> tenant. `crash_before_disable` is a failpoint."""

    pool: dict[str, str] = field(default_factory=dict)
    disabled: set[str] = field(default_factory=set)
    invited: list[str] = field(default_factory=list)
    issued: int = 0
    crash_before_disable: bool = False

    def tenant_of(self, username: str) -> str | None:
        return self.pool.get(username)

    def create(self, tenant: TenantId, username: str, *, invite: bool) -> None:
        if username in self.pool:
            raise Conflict("exists")
        self.pool[username] = tenant
        if invite:
            self.invited.append(username)

    def disable(self, username: str) -> None:
        if self.crash_before_disable:
            self.crash_before_disable = False
            raise Crash
        if username not in self.pool:
            raise NotFound("no such user")
        self.disabled.add(username)

    def issue(self, username: str) -> AccessToken:
        if username not in self.pool:
            raise NotFound("no such user")
        if username in self.disabled:
            raise Forbidden("disabled")
        self.issued += 1
        return AccessToken(value=f"token-{self.issued}-of-{username}", expires_in=3600)


def _page(rows: list, limit: int, cursor: str | None) -> Page:  # type: ignore[type-arg]
    if cursor is not None and not cursor.isdigit():
        raise BadRequest("no such cursor", code="INVALID_CURSOR")
    start = int(cursor or 0)
    more = start + limit < len(rows)
    return Page(rows[start : start + limit], str(start + limit) if more else None)
