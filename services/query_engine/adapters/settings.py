"""The server's and the function's environment."""

from shared.config import Settings


class ServerSettings(Settings):
    """Of the query server (Fargate)."""

    bill_table: str
    query_table: str
    dataset_table: str
    lake_bucket: str
    tenant_role_arn: str
    token_issuer: str
    token_client_ids: str
    host: str = "127.0.0.1"
    port: int = 8080
    query_timeout_seconds: float = 25
    query_max_rows: int = 10_000
    query_memory_mib: int = 2048
    query_workers: int = 2
    query_waiting: int = 8


class ConsumerSettings(Settings):
    """Of the function that hears of published bills."""

    dataset_table: str
    inbox_table: str
