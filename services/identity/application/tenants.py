"""Use cases of the platform's operator: tenants come, are suspended, are resumed."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.identity.domain.ports import Tenants
from services.identity.domain.tenants import Tenant, new_tenant
from services.identity.events import TenantCreated, TenantResumed, TenantSuspended
from shared.clock import Clock
from shared.errors import Conflict, NotFound
from shared.tenancy import TenantId, tenant_id


@dataclass(frozen=True)
class TenantService:
    tenants: Tenants
    clock: Clock

    def create(self, identifier: str, name: str | None = None) -> Tenant:
        """Conflict TENANT_EXISTS when there is one: nothing about the existing one is changed."""
        tenant = new_tenant(identifier, name, self.clock.now())
        event = TenantCreated(tenant=tenant.id, name=tenant.name, created_at=tenant.created_at)
        try:
            self.tenants.add(tenant, event)
        except Conflict:
            raise Conflict(f"Tenant {tenant.id} exists already.", code="TENANT_EXISTS") from None
        return tenant

    def get(self, identifier: str) -> Tenant:
        tenant = self.tenants.get(tenant_id(identifier))
        if tenant is None:
            raise NotFound(f"There is no tenant {identifier}.", code="TENANT_NOT_FOUND")
        return tenant

    def all(self) -> Sequence[Tenant]:
        return self.tenants.all()

    def suspend(self, identifier: TenantId | str, by: str) -> Tenant:
        tenant = self.get(identifier).suspend()
        self.tenants.save(tenant, TenantSuspended(tenant=tenant.id, suspended_at=self.clock.now(), by=by))
        return tenant

    def resume(self, identifier: TenantId | str, by: str) -> Tenant:
        tenant = self.get(identifier).resume()
        self.tenants.save(tenant, TenantResumed(tenant=tenant.id, resumed_at=self.clock.now(), by=by))
        return tenant
