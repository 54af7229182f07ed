"""Which issuers and clients speak for a tenant.

The operator maps them: who owns an issuer or a client cannot be proven to a program, and a tenant that could
map another's would receive its data. A tenant's admin sees its mappings and deletes them.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from services.identity.domain.mappings import SsoMapping, parse_client_id, parse_issuer
from services.identity.domain.ports import Mappings, Page
from services.identity.domain.users import parse_roles, role_names
from services.identity.events import SsoMappingCreated, SsoMappingDeleted
from shared.clock import Clock
from shared.errors import Conflict, NotFound
from shared.tenancy import TenantId


@dataclass(frozen=True)
class MappingService:
    mappings: Mappings
    clock: Clock

    def create(
        self, tenant: TenantId, issuer: str, client_id: str, roles: Iterable[str], by: str
    ) -> SsoMapping:
        """Conflict MAPPING_EXISTS when issuer and client are mapped; to whom is not said."""
        mapping = SsoMapping(
            issuer=parse_issuer(issuer),
            client_id=parse_client_id(client_id),
            tenant=tenant,
            roles=parse_roles(roles),
            created_at=self.clock.now(),
        )
        event = SsoMappingCreated(
            tenant=tenant,
            issuer=mapping.issuer,
            client_id=mapping.client_id,
            roles=role_names(mapping.roles),
            created_at=mapping.created_at,
            by=by,
        )
        try:
            self.mappings.add(mapping, event)
        except Conflict:
            raise Conflict("This issuer and client are mapped already.", code="MAPPING_EXISTS") from None
        return mapping

    def list(self, tenant: TenantId, *, limit: int = 100, cursor: str | None = None) -> Page[SsoMapping]:
        return self.mappings.page(tenant, limit=limit, cursor=cursor)

    def delete(self, tenant: TenantId, issuer: str, client_id: str, by: str) -> None:
        """NotFound alike for a mapping that is not there and for one of another tenant."""
        mapping = self.mappings.get(parse_issuer(issuer), parse_client_id(client_id))
        if mapping is None or mapping.tenant != tenant:
            raise _not_found()
        event = SsoMappingDeleted(
            tenant=tenant,
            issuer=mapping.issuer,
            client_id=mapping.client_id,
            deleted_at=self.clock.now(),
            by=by,
        )
        try:
            self.mappings.remove(mapping, event)
        except Conflict:  # gone, or another's, since it was read
            raise _not_found() from None


def _not_found() -> NotFound:
    return NotFound("The tenant has no such mapping.", code="MAPPING_NOT_FOUND")
