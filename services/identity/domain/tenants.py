"""A tenant: whose money the platform counts, and the wall between its data and everybody else's."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from shared.errors import BadRequest, Conflict
from shared.tenancy import TenantId, tenant_id

# Partitions that belong to the platform itself (the directory of tenants; rows of unknown tenants).
RESERVED_TENANTS = frozenset({"onyx-platform", "unknown"})
MAX_NAME = 200


class TenantStatus(StrEnum):
    ACTIVE = "active"
    SUSPENDED = "suspended"


@dataclass(frozen=True)
class Tenant:
    """`version` is the stored version that was read; None before the first write."""

    id: TenantId
    name: str
    status: TenantStatus
    created_at: datetime
    version: int | None = None

    @property
    def active(self) -> bool:
        return self.status is TenantStatus.ACTIVE

    def suspend(self) -> "Tenant":
        if not self.active:
            raise Conflict(f"Tenant {self.id} is suspended already.", code="TENANT_SUSPENDED")
        return replace(self, status=TenantStatus.SUSPENDED)

    def resume(self) -> "Tenant":
        if self.active:
            raise Conflict(f"Tenant {self.id} is not suspended.", code="TENANT_ACTIVE")
        return replace(self, status=TenantStatus.ACTIVE)


def new_tenant(identifier: str, name: str | None, now: datetime) -> Tenant:
    """A tenant as it is first stored. BadRequest when the id or the name will not do."""
    tenant = tenant_id(identifier)
    if tenant in RESERVED_TENANTS:
        raise BadRequest(f"'{tenant}' is a name that the platform keeps for itself.", code="TENANT_RESERVED")
    label = (name or identifier).strip()
    if not 0 < len(label) <= MAX_NAME or not label.isprintable():
        raise BadRequest(f"A tenant's name is 1 to {MAX_NAME} printable characters.", code="TENANT_NAME")
    return Tenant(id=tenant, name=label, status=TenantStatus.ACTIVE, created_at=now)
