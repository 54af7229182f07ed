"""Settings of the cost center's processes: one environment variable per field."""

from shared.config import Settings


class IngesterSettings(Settings):
    """The bill ingester (Fargate)."""

    landing_queue_url: str
    bill_table: str
    reconciliation_table: str
    outbox_table: str
    inbox_table: str
    landing_bucket: str
    lake_bucket: str
    glue_database_prefix: str
    tenant_role_arn: str
    heartbeat_seconds: float = 20
    """How often the task shows that it works on a message; one that died gives it back after three beats."""


class ApiSettings(Settings):
    """The HTTP function."""

    bill_table: str
    reconciliation_table: str
    outbox_table: str
    landing_bucket: str
    query_url: str
    page_token_secret_arn: str


class TenantSettings(Settings):
    """The consumer of TenantCreated."""

    bill_table: str
    inbox_table: str
    lake_bucket: str
    glue_database_prefix: str


class LandingSweepSettings(Settings):
    """The landing sweep. Its budgets bound one run, whatever the bucket holds."""

    bill_table: str
    outbox_table: str
    landing_bucket: str
    landing_queue_url: str
    sweep_pages_per_tenant: int = 5
    sweep_grace_minutes: int = 10


class OrphanSweepSettings(Settings):
    """The orphan sweep. No file younger than the safe age is ever deleted."""

    bill_table: str
    outbox_table: str
    lake_bucket: str
    orphan_pages_per_tenant: int = 20
    orphan_safe_hours: int = 24
