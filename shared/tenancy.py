"""Who is calling, for which tenant, in which roles.

The tenant comes from the verified token and from nowhere else: never from a header, path or body.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NewType

from shared.errors import BadRequest, Forbidden, Unauthenticated

API_SCOPE = "onyx/api"
"""The OAuth scope that every access token to the API carries."""

TenantId = NewType("TenantId", str)

UNKNOWN_TENANT = TenantId("unknown")
"""Under which failures are filed whose tenant could not be read; no tenant may have this name."""

_TENANT = re.compile(r"[a-z][a-z0-9-]{1,30}[a-z0-9]")


def tenant_id(value: str) -> TenantId:
    """`value` as a tenant id: 3 to 32 of a-z, 0-9 and single hyphens, starting with a letter.

    These rules make it safe in a partition key, an S3 prefix and a Glue database name. Raises BadRequest
    (INVALID_TENANT).
    """
    if not isinstance(value, str) or not _TENANT.fullmatch(value) or "--" in value or value == UNKNOWN_TENANT:
        raise BadRequest(
            "a tenant id is 3 to 32 lower case letters, digits and single hyphens, starting with a letter",
            code="INVALID_TENANT",
        )
    return TenantId(value)


class Role(StrEnum):
    """What a caller may do. ADMIN implies all; every role implies VIEWER."""

    VIEWER = "viewer"
    ANALYST = "analyst"
    OPERATOR = "operator"
    APPROVER = "approver"
    ADMIN = "admin"


@dataclass(frozen=True)
class Principal:
    """A verified caller."""

    tenant: TenantId
    subject: str
    roles: frozenset[Role]

    def has(self, role: Role) -> bool:
        """Whether the caller may act in `role`."""
        if Role.ADMIN in self.roles or role in self.roles:
            return True
        return role is Role.VIEWER and bool(self.roles)

    def require(self, role: Role) -> None:
        """Raises Forbidden unless the caller may act in `role`."""
        if not self.has(role):
            raise Forbidden(f"this needs the role {role.value}")


def principal_from_claims(claims: Mapping[str, Any]) -> Principal:
    """The caller that verified access token claims describe: `tenant`, `roles` (space separated), `sub`.

    A role that this version does not know grants nothing. Raises Unauthenticated when a claim is missing
    or is no valid tenant.
    """
    subject, tenant, roles = (claims.get(name) for name in ("sub", "tenant", "roles"))
    if not isinstance(subject, str) or not subject:
        raise Unauthenticated("the token names no subject")
    if not isinstance(tenant, str) or not isinstance(roles, str):
        raise Unauthenticated("the token names no tenant or no roles")
    try:
        valid = tenant_id(tenant)
    except BadRequest as error:
        raise Unauthenticated("the token names no valid tenant") from error
    known = {role.value for role in Role}
    return Principal(valid, subject, frozenset(Role(name) for name in roles.split() if name in known))
