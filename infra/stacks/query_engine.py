"""Query engine: SQL over a tenant's published bills."""

from aws_cdk import Duration, Environment
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_events as events
from constructs import Construct

from infra.constructs.athena_workgroup import AthenaWorkgroup
from infra.constructs.data_service import DataService, Place, Served
from infra.constructs.domain_stack import DomainStack
from infra.constructs.domain_table import APPEND, DELETE, GET, LIST, NOTE, READ, WRITE, DomainTable, names
from infra.constructs.event_channel import EventChannel, pattern_of
from infra.constructs.foundation import Foundation
from infra.constructs.http_api_routes import HttpApiRoutes
from infra.constructs.lake_access import LakeAccess
from services.cost_center.events import BillIngested, BillRestated
from shared.actions import ActionRequested

HEARTBEAT = Duration.seconds(20)
"""How often the poller of actions shows that it works on one."""


class QueryEngineStack(DomainStack):
    """Outputs: the tables, and the queues of the channels BillIngested and Actions.

    Where the environment switches the engine off, what it would know is still kept, and its routes are
    absent.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        foundation: Foundation,
        api: apigateway.IHttpApi,
        authorizer: apigateway.IHttpRouteAuthorizer,
        issuer: str,
        client_ids: list[str],
        bills: DomainTable,
        lake: LakeAccess,
        place: Place,
        env: Environment | None = None,
    ) -> None:
        super().__init__(scope, id, foundation=foundation, domain="query_engine", route="query", env=env)
        self.queries = DomainTable(self, "Query", foundation=foundation)
        self.datasets = DomainTable(self, "Dataset", foundation=foundation)
        self.policies = DomainTable(self, "RowPolicy", foundation=foundation)
        self.variables |= names(
            {
                "BILL_TABLE": bills,
                "QUERY_TABLE": self.queries,
                "DATASET_TABLE": self.datasets,
                "ROW_POLICY_TABLE": self.policies,
            }
        )
        inbox = self.inbox()

        on_bill = self.function("OnBillIngested", "on_bill_ingested")
        self.datasets.allow(on_bill.role, *WRITE)
        inbox.allow(on_bill.role, *NOTE)
        EventChannel(
            self,
            "BillIngested",
            foundation=foundation,
            pattern=pattern_of(BillIngested, BillRestated),
            consumer=on_bill,
        )
        engine = foundation.environment.query_engine
        if not engine.enabled:
            return
        outbox = self.outbox()
        asked = EventChannel(
            self,
            "Actions",
            foundation=foundation,
            pattern=events.EventPattern(
                source=[ActionRequested.source],
                detail_type=[ActionRequested.detail_type()],
                detail={"data": {"action": events.Match.prefix("query.")}},
            ),
            consumer_timeout=HEARTBEAT,
        )
        athena = engine.athena
        workgroup = (
            AthenaWorkgroup(self, "Athena", foundation=foundation, cutoff_gib=athena.cutoff_gib)
            if athena.enabled
            else None
        )
        server = DataService(
            self,
            "QueryEngine",
            foundation=foundation,
            place=place,
            domain=self.domain,
            command=["python", "-m", "services.query_engine.handlers.server"],
            size=engine.size,
            tasks=engine.tasks,
            environment={
                **self.variables,
                "LAKE_BUCKET": lake.lake.bucket_name,
                "RESULTS_BUCKET": lake.results.bucket_name,
                "GLUE_DATABASE_PREFIX": foundation.environment.glue_database_prefix,
                "ACTIONS_QUEUE_URL": asked.queue.queue_url,
                "ACTIONS_RECEIVES": str(asked.receives),
                "TOKEN_ISSUER": issuer,
                "TOKEN_CLIENT_IDS": " ".join(client_ids),
                "QUERY_TIMEOUT_SECONDS": str(engine.timeout_seconds),
                "QUERY_MAX_ROWS": str(engine.max_rows),
                "QUERY_MEMORY_MIB": str(engine.memory_mib),
                "QUERY_FRAMES_MIB": str(engine.frames_mib),
                "QUERY_FILES_MIB": str(engine.files_mib // engine.workers),
                "QUERY_WORKERS": str(engine.workers),
                **(
                    {"ATHENA_WORKGROUP": workgroup.name, "ATHENA_ABOVE_MIB": str(athena.above_mib)}
                    if workgroup
                    else {}
                ),
            },
            served=Served(name="query", health_path="/healthz"),
        )
        bills.allow(server.role, *LIST)
        self.queries.allow(server.role, *GET, *WRITE)
        self.datasets.allow(server.role, *LIST)
        self.policies.allow(server.role, *READ, *WRITE, *DELETE)
        asked.allow_consume(server.role)
        inbox.allow(server.role, *NOTE)
        outbox.allow(server.role, *APPEND)
        data = server.tenant_role()
        lake.allow_lake_read(data)
        # Sessions put results, and sign what callers fetch them by: each below one tenant's prefix.
        lake.allow_results_write(data)
        lake.allow_results_read(data)
        if workgroup:
            workgroup.allow_queries(data)
            lake.allow_athena(data)
        integration = server.integration("Engine")
        HttpApiRoutes(
            self,
            "Query",
            api=api,
            integration=integration,
            authorizer=authorizer,
            paths=["/v1/query"],
            method=apigateway.HttpMethod.POST,
        )
        HttpApiRoutes(
            self,
            "Routes",
            api=api,
            integration=integration,
            authorizer=authorizer,
            paths=["/v1/query/{proxy+}"],
        )
