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

    inbox_table: str
    lake_bucket: str
    glue_database_prefix: str
