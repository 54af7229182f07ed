"""The query server: `python -m services.query_engine.handlers.server`.

Little is imported at the top: workers are spawned from this module and need none of it.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.query_engine.adapters.settings import ServerSettings
    from services.query_engine.handlers.app import Services

MAX_ANSWER_BYTES = 9 * 1024 * 1024
"""API Gateway passes on 10 MB."""


def wire(settings: "ServerSettings") -> "Services":
    """Everything behind the routes; starts the workers."""
    from services.query_engine.adapters.access_tokens import AccessTokens, KeySet, keys_url
    from services.query_engine.adapters.dataset_table import DatasetTable
    from services.query_engine.adapters.lake_access import LakeAccess
    from services.query_engine.adapters.published_catalog import PublishedCatalog
    from services.query_engine.adapters.query_log import DynamoQueryLog
    from services.query_engine.adapters.worker_pool import WorkerPool
    from services.query_engine.application.answer_query import AnswerQuery
    from services.query_engine.application.list_tables import ListTables
    from services.query_engine.application.read_query import ReadQuery
    from services.query_engine.domain.answers import Limits
    from services.query_engine.handlers.app import Services
    from shared.clock import SystemClock
    from shared.ids import UuidIds
    from shared.table import TenantTable
    from shared.tenant_credentials import Reach, TenantCredentials

    clock = SystemClock()
    reach = Reach(buckets=(settings.lake_bucket,))
    pool = WorkerPool(
        workers=settings.query_workers,
        memory_mib=settings.query_memory_mib,
        waiting=settings.query_waiting,
        storage=LakeAccess(TenantCredentials(settings.tenant_role_arn, reach, clock)),
    )
    catalog = PublishedCatalog(TenantTable(settings.bill_table), settings.lake_bucket)
    log = DynamoQueryLog(TenantTable(settings.query_table))
    keys = KeySet(keys_url(settings.token_issuer), clock)
    return Services(
        callers=AccessTokens(settings.token_issuer, settings.token_client_ids.split(), keys),
        answer_query=AnswerQuery(
            catalog=catalog,
            engine=pool,
            log=log,
            clock=clock,
            ids=UuidIds(),
            limits=Limits(rows=settings.query_max_rows, bytes=MAX_ANSWER_BYTES),
            timeout_seconds=settings.query_timeout_seconds,
        ),
        list_tables=ListTables(catalog, DatasetTable(TenantTable(settings.dataset_table))),
        read_query=ReadQuery(log),
        alive=lambda: len(pool.pids()),
        close=pool.close,
    )


def main() -> None:
    import uvicorn

    from services.query_engine.adapters.settings import ServerSettings
    from services.query_engine.handlers.app import create_app
    from shared.config import load_settings

    settings = load_settings(ServerSettings)
    uvicorn.run(
        create_app(wire(settings)),
        host=settings.host,
        port=settings.port,
        access_log=False,
        server_header=False,
        # A query in flight is answered before the server goes.
        timeout_graceful_shutdown=int(settings.query_timeout_seconds) + 2,
        # Longer than the gateway keeps an idle connection.
        timeout_keep_alive=75,
    )


if __name__ == "__main__":
    main()
