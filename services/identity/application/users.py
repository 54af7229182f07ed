"""Use cases of a tenant's admin: users, their roles, their end.

The user pool and the user table cannot be written in one transaction. The pool comes first: a user without
a row gets no token, so a crash between the two leaves nothing that works by half, and the same call made
again finds the pool's user, sees that it is this tenant's, and writes the row.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from services.identity.domain.ports import Directory, Page, Users
from services.identity.domain.users import (
    User,
    is_internal,
    new_user,
    parse_roles,
    parse_username,
    role_names,
)
from services.identity.events import UserCreated, UserDisabled, UserRolesChanged
from shared.clock import Clock
from shared.errors import Conflict, Forbidden, NotFound
from shared.tenancy import Role, TenantId


@dataclass(frozen=True)
class UserService:
    users: Users
    directory: Directory
    clock: Clock

    def create(self, tenant: TenantId, username: str, roles: Iterable[str], by: str) -> tuple[User, bool]:
        """The user, and whether this call created it: the same call twice makes one user.

        Conflict USER_EXISTS when the tenant has the user with other roles or disabled;
        Conflict USERNAME_TAKEN when the address is not free in the pool (whose it is, is not said).
        """
        return self.ensure(tenant, parse_username(username), parse_roles(roles), by, invite=True)

    def ensure(
        self, tenant: TenantId, username: str, roles: frozenset[Role], by: str, *, invite: bool
    ) -> tuple[User, bool]:
        """As `create`, for a name that was checked or is the platform's own."""
        existing = self.users.get(tenant, username)
        if existing is not None:
            return self._same(existing, roles), False
        self._ensure_in_pool(tenant, username, invite=invite)
        user = new_user(tenant, username, roles, self.clock.now())
        event = UserCreated(
            tenant=tenant, username=username, roles=role_names(roles), created_at=user.created_at, by=by
        )
        try:
            self.users.add(user, event)
        except Conflict:  # another call of the same kind was faster
            winner = self.users.get(tenant, username)
            if winner is None:
                raise
            return self._same(winner, roles), False
        return user, True

    def list(self, tenant: TenantId, *, limit: int = 100, cursor: str | None = None) -> Page[User]:
        return self.users.page(tenant, limit=limit, cursor=cursor)

    def get(self, tenant: TenantId, username: str) -> User:
        user = self.users.get(tenant, username.strip().lower())
        if user is None:
            raise NotFound(f"There is no user {username} in this tenant.", code="USER_NOT_FOUND")
        return user

    def set_roles(self, tenant: TenantId, username: str, roles: Iterable[str], by: str) -> User:
        """Replaces the roles; tokens that are out keep the old ones until they expire."""
        user, wanted = self._changeable(tenant, username), parse_roles(roles)
        if wanted == user.roles:
            return user
        changed = user.with_roles(wanted)
        event = UserRolesChanged(
            tenant=tenant,
            username=user.username,
            roles=role_names(wanted),
            previous_roles=role_names(user.roles),
            changed_at=self.clock.now(),
            by=by,
        )
        self.users.save(changed, event)
        return changed

    def disable(self, tenant: TenantId, username: str, by: str) -> User:
        """The row first: from that write on no token is issued, whatever becomes of the second one.

        A call after a crash between the two finds the row disabled and repeats the pool's part.
        """
        user = self._changeable(tenant, username)
        if user.active:
            user = user.disable()
            event = UserDisabled(tenant=tenant, username=user.username, disabled_at=self.clock.now(), by=by)
            self.users.save(user, event)
        self.directory.disable(user.username)
        return user

    def _same(self, user: User, roles: frozenset[Role]) -> User:
        if user.active and user.roles == roles:
            return user
        state = f"with the roles {' '.join(role_names(user.roles))}" if user.active else "and is disabled"
        raise Conflict(f"User {user.username} exists already {state}.", code="USER_EXISTS")

    def _ensure_in_pool(self, tenant: TenantId, username: str, *, invite: bool) -> None:
        try:
            self.directory.create(tenant, username, invite=invite)
        except Conflict:
            if self.directory.tenant_of(username) != tenant:
                raise Conflict(f"The username {username} cannot be used.", code="USERNAME_TAKEN") from None

    def _changeable(self, tenant: TenantId, username: str) -> User:
        if is_internal(username):
            raise Forbidden("This user belongs to the platform.", code="USER_RESERVED")
        return self.get(tenant, username)
