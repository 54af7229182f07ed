"""Settings of exports: one environment variable per field."""

from shared.config import Settings


class JobsSettings(Settings):
    """Jobs of the data plane, in the ingester's task."""

    jobs_queue_url: str
    bill_table: str
    export_table: str
    outbox_table: str
    inbox_table: str
    lake_bucket: str
    results_bucket: str
    glue_database_prefix: str
    tenant_role_arn: str
    heartbeat_seconds: float = 20
    jobs_receives: int = 5
    """How often the queue hands a message out before it gives it up."""


class ExportApiSettings(Settings):
    """The HTTP function, as far as exports go."""

    bill_table: str
    reconciliation_table: str
    export_table: str
    outbox_table: str
    results_bucket: str
    page_token_secret_arn: str
