"""Where a tenant's tables lie in the lake."""

from services.cost_center.domain.tables import Tier
from shared.tenancy import TenantId


def database_name(prefix: str, tenant: TenantId) -> str:
    """The tenant's Glue database: one per tenant, hyphens as underscores (a tenant id has no underscore)."""
    return prefix + tenant.replace("-", "_")


def table_prefix(tenant: TenantId, tier: Tier, table: str) -> str:
    """The S3 prefix of a table: `<tenant>/<tier>/<table>`."""
    return f"{tenant}/{tier.value}/{table}"


def data_key(tenant: TenantId, tier: Tier, table: str, delivery_id: str, attempt: str, number: int) -> str:
    """The S3 key of a data file. Each attempt writes files of its own: what a reader may know never
    changes."""
    return f"{table_prefix(tenant, tier, table)}/data/{delivery_id}/{attempt}-{number}.parquet"


def changes_key(tenant: TenantId, bill_id: str, delivery_id: str, attempt: str) -> str:
    """The S3 key of the document of what a restatement changed."""
    return f"{tenant}/changes/{bill_id}/{delivery_id}/{attempt}.json"
