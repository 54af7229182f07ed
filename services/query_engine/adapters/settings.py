"""The server's and the function's environment."""

from shared.config import Settings


class ServerSettings(Settings):
    """Of the query server (Fargate)."""

    bill_table: str
    query_table: str
    dataset_table: str
    row_policy_table: str
    outbox_table: str = ""
    inbox_table: str = ""
    actions_queue_url: str = ""
    """Where workflows ask for queries; empty: they do not."""
    actions_receives: int = 5
    lake_bucket: str
    results_bucket: str
    glue_database_prefix: str = ""
    tenant_role_arn: str
    token_issuer: str
    token_client_ids: str
    host: str = "127.0.0.1"
    port: int = 8080
    query_timeout_seconds: float = 25
    query_max_rows: int = 10_000
    query_memory_mib: int = 2048
    """Of a worker, beside the columns that it holds."""
    query_frames_mib: int = 768
    """Of a worker, for columns in memory, as Polars counts them."""
    query_files_mib: int = 4096
    """Of a worker, for copies of files."""
    query_files_folder: str = ""
    """Empty: one below the machine's folder for temporary files."""
    query_watch_seconds: float = 5
    query_hot_months: int = 3
    """Of how many of the newest billing periods columns are brought in once they are published."""
    query_workers: int = 2
    query_waiting: int = 8
    """Queries of one tenant that may wait for their turn."""
    query_waiting_in_all: int = 64
    query_file_rows: int = 5_000_000
    query_file_mib: int = 1024
    query_long_seconds: float = 840
    """Of a query that nobody waits for: less than what a session of a tenant surely has left."""
    query_records_days: int = 90
    athena_workgroup: str = ""
    """Empty: Athena is no engine here."""
    athena_above_mib: int = 4096
    """Compressed MiB of the columns that a query reads, from which on it goes to Athena."""


class ConsumerSettings(Settings):
    """Of the function that hears of published bills."""

    dataset_table: str
    inbox_table: str
