"""Settings of the cost center's processes: one environment variable per field."""

from services.cost_center.domain.limits import Limits
from shared.config import Settings


class IngesterSettings(Settings):
    """The bill ingester (Fargate)."""

    landing_queue_url: str
    bill_table: str
    reconciliation_table: str
    outbox_table: str
    inbox_table: str
    setting_table: str
    landing_bucket: str
    lake_bucket: str
    glue_database_prefix: str
    tenant_role_arn: str
    heartbeat_seconds: float = 20
    """How often the task shows that it works on a message; one that died gives it back after three beats."""
    landing_receives: int = 5
    """How often the queue hands a message out before it gives it up."""
    unpacked_bytes_limit: int = Limits().unpacked_bytes
    """Bytes that one delivered file may unpack to."""
    unpack_ratio_limit: int = Limits().ratio
    """Unpacked bytes for each packed one."""


class ApiSettings(Settings):
    """The HTTP function."""

    bill_table: str
    reconciliation_table: str
    outbox_table: str
    landing_bucket: str
    query_url: str
    page_token_secret_arn: str


class HistorySettings(Settings):
    """What the HTTP function needs for a bill's history."""

    bill_table: str
    reconciliation_table: str
    outbox_table: str
    lake_bucket: str
    page_token_secret_arn: str


class InvoiceSettings(Settings):
    """What the HTTP function needs for invoices."""

    invoice_table: str
    outbox_table: str
    page_token_secret_arn: str


class TagApiSettings(Settings):
    """What the HTTP function needs for promoted tags."""

    setting_table: str
    outbox_table: str


class OverdueSettings(Settings):
    """The sweep for overdue bills. See domain/overdue.py for what each of these bounds."""

    bill_table: str
    outbox_table: str
    connection_table: str
    overdue_open_month_hours: int = 48
    overdue_closed_month_day: int = 5
    overdue_waiting_hours: int = 48


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
