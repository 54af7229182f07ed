"""Cost center: bills in, reconciled cost out."""

from aws_cdk import Duration, Environment
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from constructs import Construct

from infra.constructs.connected_accounts import allow_customers_roles, trusted_roles
from infra.constructs.control_function import METRICS
from infra.constructs.data_service import DataService, Place, Scaled
from infra.constructs.domain_stack import DomainStack
from infra.constructs.domain_table import (
    APPEND,
    CONSUME,
    DELETE,
    GET,
    LIST,
    NOTE,
    READ,
    WRITE,
    DomainTable,
    names,
)
from infra.constructs.event_channel import EventChannel, object_created, pattern_of, watch
from infra.constructs.foundation import Foundation
from infra.constructs.lake_access import LakeAccess
from infra.constructs.scheduled_sweep import ScheduledSweep
from services.cost_center.events import ExportRequested, LakeMaintenanceDue
from services.identity.events import TenantCreated

HEARTBEAT = Duration.seconds(20)
"""How often the ingester's poller shows that it works on a message: the longest silence of a living task."""
LANDING_SWEEP_EVERY = Duration.minutes(15)
ORPHAN_SWEEP_EVERY = Duration.hours(6)
OVERDUE_SWEEP_EVERY = Duration.hours(1)
PULL_EVERY = Duration.minutes(15)
PULL_TIMEOUT = Duration.minutes(14)
"""One run ends before the next begins."""
PULLS_BEFORE_ALARM = 4
"""So many runs in a row must meet a failing connection: one may be the account's own bad moment."""


class CostCenterStack(DomainStack):
    """Outputs: the tables, and the queues of its channels (LandedBills, Jobs, TenantCreated)."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        foundation: Foundation,
        api: apigateway.HttpApi,
        authorizer: apigateway.IHttpRouteAuthorizer,
        lake: LakeAccess,
        place: Place,
        env: Environment | None = None,
    ) -> None:
        super().__init__(scope, id, foundation=foundation, domain="cost_center", route="cost-center", env=env)
        self.bills = DomainTable(self, "Bill", foundation=foundation)
        self.reconciliations = DomainTable(self, "Reconciliation", foundation=foundation)
        self.connections = DomainTable(self, "Connection", foundation=foundation)
        self.exports = DomainTable(self, "Export", foundation=foundation)
        self.invoices = DomainTable(self, "Invoice", foundation=foundation)
        self.variables |= names({"BILL_TABLE": self.bills, "RECONCILIATION_TABLE": self.reconciliations})
        self.variables |= names({"CONNECTION_TABLE": self.connections, "EXPORT_TABLE": self.exports})
        self.settings = DomainTable(self, "Setting", foundation=foundation)
        self.variables |= names({"INVOICE_TABLE": self.invoices, "SETTING_TABLE": self.settings})
        self.variables |= {
            "LANDING_BUCKET": lake.landing.bucket_name,
            "LAKE_BUCKET": lake.lake.bucket_name,
            "RESULTS_BUCKET": lake.results.bucket_name,
            "GLUE_DATABASE_PREFIX": foundation.environment.glue_database_prefix,
            "QUERY_URL": api.api_endpoint,
            "TRUSTED_ACCOUNT": self.account,
            "TRUSTED_ROLES": trusted_roles(self, foundation, "cost-center"),
        }
        outbox = self.outbox()
        inbox = self.inbox()

        http = self.function("Api", "api", timeout=Duration.seconds(29))
        self.bills.allow(http.role, *READ)
        self.reconciliations.allow(http.role, *LIST)
        lake.allow_upload(http.role)
        lake.allow_changes_read(http.role)
        self.connections.allow(http.role, *READ, *WRITE, *DELETE)
        outbox.allow(http.role, *APPEND)
        self.exports.allow(http.role, *READ, *WRITE)
        self.invoices.allow(http.role, *READ, *WRITE, *DELETE)
        self.settings.allow(http.role, *GET, *WRITE)
        lake.allow_results_read(http.role)
        allow_customers_roles(http.role)
        foundation.allow_page_tokens(http.role)
        self.routes(api, http, authorizer=authorizer)

        prepare = self.function("OnTenantCreated", "on_tenant_created", timeout=Duration.seconds(30))
        inbox.allow(prepare.role, *CONSUME)
        lake.allow_databases(prepare.role)
        self.bills.allow(prepare.role, *APPEND)
        EventChannel(
            self,
            "TenantCreated",
            foundation=foundation,
            pattern=pattern_of(TenantCreated),
            consumer=prepare,
        )
        landed = self._ingester(lake, place, outbox, inbox)
        self._sweeps(lake, outbox, landed)
        self._pull(lake, outbox)
        self._overdue(outbox)

    def _pull(self, lake: LakeAccess, outbox: DomainTable) -> None:
        pull = self.function("Pull", "pull_bills", timeout=PULL_TIMEOUT)
        self.bills.allow(pull.role, *READ, *APPEND)
        self.connections.allow(pull.role, *READ, *WRITE)
        outbox.allow(pull.role, *APPEND)
        lake.allow_pull(pull.role)
        allow_customers_roles(pull.role)
        ScheduledSweep(
            self,
            "PullSchedule",
            foundation=self.foundation,
            function=pull,
            every=PULL_EVERY,
            description="Copies new deliveries from the connected AWS accounts",
        )
        watch(
            pull,
            "Failing",
            self.foundation,
            metric=cloudwatch.Metric(
                namespace=METRICS,
                metric_name="ConnectionPullsFailed",
                dimensions_map={"service": self.domain},
                period=PULL_EVERY,
                statistic="Maximum",
            ),
            threshold=self.foundation.environment.alarms.failing_connections,
            periods=PULLS_BEFORE_ALARM,
            description="A connected account's bills cannot be pulled: `onyx connect list` says why.",
        )

    def _overdue(self, outbox: DomainTable) -> None:
        overdue = self.function("OverdueSweep", "sweep_overdue", timeout=Duration.seconds(30))
        self.bills.allow(overdue.role, *READ, *APPEND)
        self.connections.allow(overdue.role, *LIST)
        outbox.allow(overdue.role, *APPEND)
        ScheduledSweep(
            self,
            "OverdueSchedule",
            foundation=self.foundation,
            function=overdue,
            every=OVERDUE_SWEEP_EVERY,
            description="Tells of bills that should have come by now",
        )

    def _sweeps(self, lake: LakeAccess, outbox: DomainTable, landed: EventChannel) -> None:
        self.variables["LANDING_QUEUE_URL"] = landed.queue.queue_url
        landing = self.function("LandingSweep", "sweep_landing", timeout=Duration.seconds(30))
        lake.allow_landing_sweep(landing.role)
        landed.allow_send(landing.role)
        orphans = self.function("OrphanSweep", "sweep_orphans", timeout=Duration.seconds(30))
        lake.allow_orphan_sweep(orphans.role)
        for sweep in (landing, orphans):
            self.bills.allow(sweep.role, *READ, *APPEND)
            outbox.allow(sweep.role, *APPEND)
        ScheduledSweep(
            self,
            "LandingSchedule",
            foundation=self.foundation,
            function=landing,
            every=LANDING_SWEEP_EVERY,
            description="Announces deliveries again that no bill accounts for",
        )
        ScheduledSweep(
            self,
            "OrphanSchedule",
            foundation=self.foundation,
            function=orphans,
            every=ORPHAN_SWEEP_EVERY,
            description="Removes files of the lake that no published set names",
        )

    def _ingester(
        self, lake: LakeAccess, place: Place, outbox: DomainTable, inbox: DomainTable
    ) -> EventChannel:
        environment = self.foundation.environment
        landed = EventChannel(
            self,
            "LandedBills",
            foundation=self.foundation,
            bus=events.EventBus.from_event_bus_name(self, "DefaultBus", "default"),
            pattern=object_created(lake.landing),
            consumer_timeout=HEARTBEAT,
        )
        jobs = EventChannel(
            self,
            "Jobs",
            foundation=self.foundation,
            pattern=pattern_of(ExportRequested, LakeMaintenanceDue),
            consumer_timeout=HEARTBEAT,
        )
        ingester = DataService(
            self,
            "Ingester",
            foundation=self.foundation,
            place=place,
            domain=self.domain,
            command=["python", "-m", "services.cost_center.handlers.ingester"],
            size=environment.ingester.size,
            environment={
                **self.variables,
                "LANDING_QUEUE_URL": landed.queue.queue_url,
                "LANDING_RECEIVES": str(landed.receives),
                "JOBS_QUEUE_URL": jobs.queue.queue_url,
                "JOBS_RECEIVES": str(jobs.receives),
            },
            scaled=Scaled(
                queues=[landed.queue, jobs.queue],
                min_tasks=environment.ingester.min_tasks,
                max_tasks=environment.ingester.max_tasks,
            ),
        )
        landed.allow_consume(ingester.role)
        jobs.allow_consume(ingester.role)
        self.exports.allow(ingester.role, *GET, *WRITE)
        self.settings.allow(ingester.role, *GET)
        self.bills.allow(ingester.role, *READ, *WRITE, *DELETE)
        self.reconciliations.allow(ingester.role, *WRITE)
        inbox.allow(ingester.role, *NOTE)
        outbox.allow(ingester.role, *APPEND)
        data = ingester.tenant_role()
        lake.allow_landing_read(data)
        lake.allow_quarantine(data)
        lake.allow_lake_write(data)
        lake.allow_tables(data)
        lake.allow_results_write(data)
        ingester.allow_task_protection()
        return landed
