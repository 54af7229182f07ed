"""Query engine: SQL over a tenant's published bills."""

from aws_cdk import Environment
from aws_cdk import aws_apigatewayv2 as apigateway
from constructs import Construct

from infra.constructs.data_service import DataService, Place, Served
from infra.constructs.domain_stack import DomainStack
from infra.constructs.domain_table import GET, LIST, NOTE, WRITE, DomainTable, names
from infra.constructs.event_channel import EventChannel, pattern_of
from infra.constructs.foundation import Foundation
from infra.constructs.http_api_routes import HttpApiRoutes
from infra.constructs.lake_access import LakeAccess
from services.cost_center.events import BillIngested, BillRestated


class QueryEngineStack(DomainStack):
    """Outputs: the tables, and the queues of the channel BillIngested.

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
        self.variables |= names(
            {"BILL_TABLE": bills, "QUERY_TABLE": self.queries, "DATASET_TABLE": self.datasets}
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
                "TOKEN_ISSUER": issuer,
                "TOKEN_CLIENT_IDS": " ".join(client_ids),
                "QUERY_TIMEOUT_SECONDS": str(engine.timeout_seconds),
                "QUERY_MAX_ROWS": str(engine.max_rows),
                "QUERY_MEMORY_MIB": str(engine.memory_mib),
                "QUERY_WORKERS": str(engine.workers),
            },
            served=Served(name="query", health_path="/healthz"),
        )
        bills.allow(server.role, *LIST)
        self.queries.allow(server.role, *GET, *WRITE)
        self.datasets.allow(server.role, *LIST)
        lake.allow_lake_read(server.tenant_role())
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
