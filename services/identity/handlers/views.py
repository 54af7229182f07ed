"""Tenants, users and mappings as JSON: the same over HTTP and from the operator function."""

from services.identity.domain.mappings import SsoMapping
from services.identity.domain.tenants import Tenant
from services.identity.domain.users import User, role_names
from services.identity.handlers.models import MappingView, TenantView, UserView
from shared.json_text import moment


def tenant_view(tenant: Tenant) -> TenantView:
    return TenantView(
        tenant=tenant.id,
        name=tenant.name,
        status=tenant.status.value,
        created_at=moment(tenant.created_at),
    )


def user_view(user: User) -> UserView:
    return UserView(
        username=user.username,
        roles=role_names(user.roles),
        status=user.status.value,
        created_at=moment(user.created_at),
    )


def mapping_view(mapping: SsoMapping) -> MappingView:
    return MappingView(
        issuer=mapping.issuer,
        client_id=mapping.client_id,
        roles=role_names(mapping.roles),
        created_at=moment(mapping.created_at),
    )
