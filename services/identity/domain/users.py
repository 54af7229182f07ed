"""Users of a tenant: who they are lies in the user pool, what they may do lies here."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from shared.errors import BadRequest, Conflict, Forbidden
from shared.tenancy import Role, TenantId

# Users of the platform itself, one or more per tenant. Only the operator function makes and uses them.
INTERNAL_SUFFIX = ".onyx.internal"
_EMAIL = re.compile(
    r"[a-z0-9][a-z0-9._+-]{0,63}@(?=.{4,180}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}"
)


class UserStatus(StrEnum):
    ACTIVE = "active"
    DISABLED = "disabled"


@dataclass(frozen=True)
class User:
    """`version` is the stored version that was read; None before the first write."""

    tenant: TenantId
    username: str
    roles: frozenset[Role]
    status: UserStatus
    created_at: datetime
    version: int | None = None

    @property
    def active(self) -> bool:
        return self.status is UserStatus.ACTIVE

    def with_roles(self, roles: frozenset[Role]) -> "User":
        return replace(self, roles=roles)

    def disable(self) -> "User":
        if not self.active:
            raise Conflict(f"User {self.username} is disabled already.", code="USER_DISABLED")
        return replace(self, status=UserStatus.DISABLED)


def new_user(tenant: TenantId, username: str, roles: frozenset[Role], now: datetime) -> User:
    return User(tenant=tenant, username=username, roles=roles, status=UserStatus.ACTIVE, created_at=now)


def parse_username(text: str) -> str:
    """The e-mail address that names a user, in lower case: the pool holds each address once.

    Raises BadRequest when it is no address, Forbidden when the platform keeps it for itself.
    """
    username = text.strip().lower()
    if not _EMAIL.fullmatch(username):
        raise BadRequest("A username is an e-mail address.", code="USERNAME")
    if is_internal(username):
        raise Forbidden(
            f"Addresses ending in {INTERNAL_SUFFIX} belong to the platform.", code="USER_RESERVED"
        )
    return username


def is_internal(username: str) -> bool:
    return username.lower().endswith(INTERNAL_SUFFIX)


def internal_username(tenant: TenantId, role: Role | None) -> str:
    """The platform's own user of a tenant: `operator@...` (an admin), or one that has a single role."""
    return f"{'operator' if role is None else f'role-{role.value}'}@{tenant}{INTERNAL_SUFFIX}"


def parse_roles(values: Iterable[str]) -> frozenset[Role]:
    """At least one known role; BadRequest names the first unknown one and those that exist."""
    roles = set()
    for value in values:
        try:
            roles.add(Role(value))
        except ValueError:
            known = ", ".join(role.value for role in Role)
            raise BadRequest(f"'{value}' is not a role; roles are {known}.", code="ROLE") from None
    if not roles:
        raise BadRequest("At least one role is needed.", code="ROLE")
    return frozenset(roles)


def role_names(roles: frozenset[Role]) -> list[str]:
    return sorted(role.value for role in roles)
