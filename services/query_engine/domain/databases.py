"""What a tenant's Glue database is called."""

from shared.tenancy import TenantId


def database_of(prefix: str, tenant: TenantId) -> str:
    """The environment's prefix and the tenant's id, `-` as `_`: an id has no underscore, so no two tenants'
    databases have one name."""
    return prefix + tenant.replace("-", "_")
