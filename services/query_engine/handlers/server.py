"""The query server: `python -m services.query_engine.handlers.server`.

Little is imported at the top: workers are spawned from this module and need none of it.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from services.query_engine.adapters.athena_engine import AthenaEngine
    from services.query_engine.adapters.lake_access import LakeAccess
    from services.query_engine.adapters.settings import ServerSettings
    from services.query_engine.handlers.app import Services
    from shared.tenant_credentials import TenantCredentials

MAX_ANSWER_BYTES = 9 * 1024 * 1024
"""API Gateway passes on 10 MB."""
MIB = 2**20
_MARGIN = 8
"""Queries that are about to be told that the line is full."""


def wire(settings: "ServerSettings") -> "Services":
    """Everything behind the routes; starts the workers."""
    from datetime import timedelta
    from functools import partial

    from services.query_engine.adapters.access_tokens import AccessTokens, KeySet, keys_url
    from services.query_engine.adapters.background import Background
    from services.query_engine.adapters.current_catalog import CurrentCatalog
    from services.query_engine.adapters.dataset_table import DatasetTable
    from services.query_engine.adapters.file_facts import FileFactsCache
    from services.query_engine.adapters.hydration_watch import HydrationWatch
    from services.query_engine.adapters.lake_access import LakeAccess
    from services.query_engine.adapters.lake_folder import claim_folder
    from services.query_engine.adapters.policy_table import PolicyTable
    from services.query_engine.adapters.published_catalog import PublishedCatalog
    from services.query_engine.adapters.query_log import DynamoQueryLog
    from services.query_engine.adapters.residency import PoolResidency
    from services.query_engine.adapters.results_s3 import ResultsS3
    from services.query_engine.adapters.worker import Size
    from services.query_engine.adapters.worker_pool import WorkerPool
    from services.query_engine.application.answer_query import AnswerQuery
    from services.query_engine.application.list_tables import ListTables
    from services.query_engine.application.manage_policies import ManagePolicies
    from services.query_engine.application.plan_query import PlanQuery
    from services.query_engine.application.read_query import CancelQuery, FetchResult, ReadQuery
    from services.query_engine.application.running import BEAT, Running
    from services.query_engine.application.serve_query import ServeQuery
    from services.query_engine.application.turns import Turns
    from services.query_engine.domain.answers import Limits
    from services.query_engine.domain.databases import database_of
    from services.query_engine.domain.router import HERE
    from services.query_engine.domain.routing_rules import ATHENA
    from services.query_engine.handlers.actions import start as start_actions
    from services.query_engine.handlers.app import Services
    from shared.clock import SystemClock
    from shared.ids import UuidIds
    from shared.table import TenantTable
    from shared.tenant_credentials import Reach, TenantCredentials

    clock = SystemClock()
    waiting = settings.query_waiting_in_all
    dynamodb = _dynamodb(settings.query_workers + waiting)
    athena = settings.athena_workgroup
    buckets = (settings.lake_bucket, settings.results_bucket)
    database = partial(database_of, settings.glue_database_prefix)
    reach = Reach(buckets, database, athena) if athena else Reach(buckets)
    credentials = TenantCredentials(settings.tenant_role_arn, reach, clock)
    access = LakeAccess(credentials)
    pool = WorkerPool(
        workers=settings.query_workers,
        size=Size(
            memory=(settings.query_memory_mib + settings.query_frames_mib * 3 // 2) * MIB,
            # What a query plans by is read beside those whose turn it is.
            threads=settings.query_workers + 1,
            frames=settings.query_frames_mib * MIB,
            files=settings.query_files_mib * MIB,
            folder=claim_folder(settings.query_files_folder),
        ),
        waiting=settings.query_waiting,
        storage=access,
    )
    bills = TenantTable(settings.bill_table, dynamodb)
    published = PublishedCatalog(bills, settings.lake_bucket)
    catalog = CurrentCatalog(published, bills)
    datasets = DatasetTable(TenantTable(settings.dataset_table, dynamodb))
    watch = HydrationWatch(catalog, datasets, pool.served, pool.warm, settings.query_hot_months)
    watch.start(settings.query_watch_seconds)
    log = DynamoQueryLog(
        TenantTable(settings.query_table, dynamodb), timedelta(days=settings.query_records_days)
    )
    policies = PolicyTable(TenantTable(settings.row_policy_table, dynamodb))
    read = ReadQuery(log, clock)
    running = Running(log, clock)
    beside = Background(running.beat, BEAT)

    serve_query = ServeQuery(
        AnswerQuery(
            catalog=catalog,
            engine=pool,
            log=log,
            clock=clock,
            ids=UuidIds(),
            limits=Limits(rows=settings.query_max_rows, bytes=MAX_ANSWER_BYTES),
            timeout_seconds=settings.query_timeout_seconds,
            file_limits=Limits(rows=settings.query_file_rows, bytes=settings.query_file_mib * 2**20),
            results_bucket=settings.results_bucket,
            long_timeout_seconds=settings.query_long_seconds,
            plan=PlanQuery(
                FileFactsCache(pool),
                (*HERE, ATHENA) if athena else HERE,
                settings.athena_above_mib * MIB if athena else None,
                residency=PoolResidency(pool),
                database_prefix=settings.glue_database_prefix,
            ),
            policies=policies,
            elsewhere={ATHENA: _athena(settings, credentials, access)} if athena else {},
        ),
        Turns(slots=settings.query_workers, waiting=settings.query_waiting, waiting_in_all=waiting),
        running,
        beside.spawn,
    )
    end_actions = start_actions(settings, serve_query) if settings.actions_queue_url else None

    def close() -> None:
        running.cancel_all()
        if end_actions is not None:
            end_actions()
        beside.close()
        watch.close()
        pool.close()

    keys = KeySet(keys_url(settings.token_issuer), clock)
    return Services(
        callers=AccessTokens(settings.token_issuer, settings.token_client_ids.split(), keys),
        serve_query=serve_query,
        list_tables=ListTables(catalog, datasets),
        fetch_result=FetchResult(read, ResultsS3(settings.results_bucket, credentials, clock)),
        cancel_query=CancelQuery(read, running),
        manage_policies=ManagePolicies(policies, clock),
        threads=settings.query_workers + waiting + _MARGIN,
        alive=lambda: len(pool.pids()),
        close=close,
    )


def _athena(
    settings: "ServerSettings", credentials: "TenantCredentials", access: "LakeAccess"
) -> "AthenaEngine":
    """Imported where it is configured only: it reads its results in this process."""
    from functools import partial

    from services.query_engine.adapters.athena_engine import AthenaEngine
    from services.query_engine.domain.databases import database_of

    return AthenaEngine(
        workgroup=settings.athena_workgroup,
        results_bucket=settings.results_bucket,
        database=partial(database_of, settings.glue_database_prefix),
        credentials=credentials,
        storage=access,
    )


def _dynamodb(connections: int) -> "DynamoDBClient":
    """By the short way, and without botocore's own check of requests: each query pays for several."""
    import os

    import boto3
    from botocore.config import Config

    from services.query_engine.adapters.quick_dynamodb import quick
    from shared import aws

    own = Config(parameter_validation=False, max_pool_connections=connections)
    session = boto3.Session(region_name=os.environ.get("AWS_REGION"))
    client = session.client("dynamodb", config=aws.limits().merge(own))
    return quick(client, session.get_credentials(), connections)


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
