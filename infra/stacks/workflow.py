"""Workflows: triggers, runs, and the state machines that walk them."""

from aws_cdk import CfnOutput, Duration, Environment, Stack
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.constructs.control_function import ControlFunction
from infra.constructs.data_bucket import data_bucket
from infra.constructs.domain_stack import DomainStack
from infra.constructs.domain_table import (
    APPEND,
    CONSUME,
    COUNT,
    DELETE,
    GET,
    LIST,
    READ,
    WRITE,
    DomainTable,
    names,
    open_index,
)
from infra.constructs.event_channel import EventChannel, pattern_of, watch
from infra.constructs.foundation import Foundation
from infra.constructs.http_api_routes import HttpApiRoutes
from infra.constructs.nag import acknowledge, wildcard_resource
from infra.constructs.scheduled_sweep import ScheduledSweep
from infra.constructs.state_machines import Schedules, StateMachines
from services.workflow.events import ApprovalDecided, CronDue, RunCancelled, RunFinished, RunRequested
from shared.actions import ActionFinished, ActionProgressed, ActionRequested
from shared.events import Event

DISPATCH_TIMEOUT = Duration.seconds(60)
"""Longer than the longest action that runs within the dispatcher's call."""
RECONCILE_EVERY = Duration.minutes(1)
MACHINES_QUOTA = 10_000
"""AWS's default for state machines in an account and region."""
MACHINES_METRIC = "StateMachines"
WEBHOOKS = "/v1/workflows/hooks/{hook}"
_TALK = (RunRequested, CronDue)
"""What the domain tells itself: no trigger may be on it."""


class WorkflowStack(DomainStack):
    """Outputs: the tables, the queues of its channels, ArtifactBucket, OperatorFunction."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        foundation: Foundation,
        api: apigateway.IHttpApi,
        authorizer: apigateway.IHttpRouteAuthorizer,
        access_logs: s3.IBucket,
        env: Environment | None = None,
    ) -> None:
        super().__init__(scope, id, foundation=foundation, domain="workflow", route="workflows", env=env)
        self._tables()
        self.outbox_table = self.outbox()
        self.inbox_table = self.inbox()
        self.artifacts = data_bucket(
            self,
            "Artifacts",
            foundation=foundation,
            access_logs=access_logs,
            rules=[
                s3.LifecycleRule(
                    id="tidy",
                    noncurrent_version_expiration=Duration.days(
                        foundation.environment.noncurrent_version_days
                    ),
                    abort_incomplete_multipart_upload_after=Duration.days(2),
                )
            ],
        )
        self.variables["ARTIFACT_BUCKET"] = self.artifacts.bucket_name
        CfnOutput(self, "ArtifactBucket", value=self.artifacts.bucket_name)
        workflows = foundation.environment.workflows
        self.secrets = f"onyx/{foundation.environment.name}/tenants/"
        self.variables |= {
            "SECRET_PREFIX": self.secrets,
            "MAIL_SENDER": workflows.mail_sender,
            "EGRESS_ALLOWED_HOSTS": " ".join(workflows.egress_allowed_hosts),
        }
        self.dispatcher = self._dispatcher()
        self.machines = StateMachines(self, "Machines", foundation=foundation, task=self.dispatcher)
        # What is known at once is answered at once, also where the machine waits for a token.
        self.machines.allow_answer(self.dispatcher.role)
        self.schedules = Schedules(self, "Schedules", foundation=foundation)
        # What the dispatcher must not know, or it and its machines' role would need each other.
        self.variables = self.variables | {
            "DISPATCHER_ARN": self.dispatcher.function.function_arn,
            "STATES_ROLE_ARN": self.machines.role.role_arn,
            "MACHINE_PREFIX": self.machines.prefix,
            "SCHEDULER_ROLE_ARN": self.schedules.role.role_arn,
            "SCHEDULE_GROUP": self.schedules.name,
            "BUS_ARN": foundation.bus.event_bus_arn,
        }
        self._api(api, authorizer)
        self._operator()
        self._triggers()
        self._runs()
        self._answers()
        self._reconcile()

    def _tables(self) -> None:
        made = {
            name: DomainTable(self, name, foundation=self.foundation)
            for name in ("Workflow", "Version", "Trigger", "GlobalTrigger", "StepJournal", "Setting", "Audit")
        }
        made["Execution"] = DomainTable(self, "Execution", foundation=self.foundation, indexes=[open_index()])
        self.heads, self.versions, self.triggers = made["Workflow"], made["Version"], made["Trigger"]
        self.global_triggers, self.journal = made["GlobalTrigger"], made["StepJournal"]
        self.settings, self.audit, self.executions = made["Setting"], made["Audit"], made["Execution"]
        self.variables |= names(
            {
                "WORKFLOW_TABLE": self.heads,
                "VERSION_TABLE": self.versions,
                "TRIGGER_TABLE": self.triggers,
                "GLOBAL_TRIGGER_TABLE": self.global_triggers,
                "EXECUTION_TABLE": self.executions,
                "STEP_JOURNAL_TABLE": self.journal,
                "SETTING_TABLE": self.settings,
                "AUDIT_TABLE": self.audit,
            }
        )

    def _dispatcher(self) -> ControlFunction:
        dispatcher = self.function("Dispatcher", "dispatcher", timeout=DISPATCH_TIMEOUT)
        self._allow_runs(dispatcher)
        self.executions.allow(dispatcher.role, *COUNT, *DELETE)
        self.journal.allow(dispatcher.role, *READ, *WRITE)
        self.settings.allow(dispatcher.role, *GET)
        self._allow_artifacts(dispatcher, "s3:GetObject", "s3:PutObject")
        self._allow_secrets(dispatcher, "GetSecretValue")
        if self.foundation.environment.workflows.mail_sender:
            self._allow_mail(dispatcher)
        return dispatcher

    def _allow_runs(self, function: ControlFunction) -> None:
        """What it takes to move a run on: its definition, its row, its approvals, its audit, its events."""
        role = function.role
        self._allow_versions(function)
        self.executions.allow(role, *GET, *WRITE)
        self.audit.allow(role, *GET, *WRITE)
        self.outbox_table.allow(role, *APPEND)

    def _allow_versions(self, function: ControlFunction) -> None:
        self.versions.allow(function.role, *GET)
        self._allow_definitions(function, "s3:GetObject")

    def _api(self, api: apigateway.IHttpApi, authorizer: apigateway.IHttpRouteAuthorizer) -> None:
        self.variables = self.variables | {"KEY_ARN": self.foundation.key.key_arn}
        http = self.function("Api", "api", timeout=Duration.seconds(29))
        self._allow_runs(http)
        self.executions.allow(http.role, *LIST, *DELETE)
        self.audit.allow(http.role, *LIST)
        self.journal.allow(http.role, *READ, *WRITE)
        self.heads.allow(http.role, *READ, *WRITE)
        self.versions.allow(http.role, *LIST, *WRITE)
        self.triggers.allow(http.role, *READ, *WRITE, *COUNT, *DELETE)
        self.settings.allow(http.role, *READ, *WRITE, *DELETE)
        self._allow_definitions(http, "s3:PutObject")
        self._allow_artifacts(http, "s3:PutObject")
        self._allow_secrets(http, "CreateSecret", "PutSecretValue", "DeleteSecret", "RestoreSecret")
        self.machines.allow_publish(http.role)
        self.schedules.allow_change(http.role)
        self.foundation.allow_page_tokens(http.role)
        self.routes(api, http, authorizer=authorizer)
        HttpApiRoutes(
            self,
            "Root",
            api=api,
            integration=integrations.HttpLambdaIntegration("Root", http.function),
            authorizer=authorizer,
            paths=["/v1/workflows"],
        )
        hooks = self.function("Hooks", "hooks", timeout=Duration.seconds(10))
        self._allow_requests(hooks)
        HttpApiRoutes(
            self,
            "Webhooks",
            api=api,
            integration=integrations.HttpLambdaIntegration("Hooks", hooks.function),
            authorizer=None,
            paths=[WEBHOOKS],
            method=apigateway.HttpMethod.POST,
            public=True,
            reason="A sender has no token: its signature over the body is checked with the hook's secret.",
        )

    def _operator(self) -> None:
        operator = self.function("Operator", "operator", timeout=Duration.seconds(30))
        self.global_triggers.allow(operator.role, *LIST, *WRITE, *COUNT, *DELETE)
        CfnOutput(self, "OperatorFunction", value=operator.function.function_name)

    def _triggers(self) -> None:
        on_event = self.function("OnEvent", "on_event", timeout=Duration.seconds(30))
        self._allow_requests(on_event)
        self.triggers.allow(on_event.role, *LIST)
        self.inbox_table.allow(on_event.role, *CONSUME)
        self.global_triggers.allow(on_event.role, *READ)
        EventChannel(
            self,
            "Triggers",
            foundation=self.foundation,
            pattern=events.EventPattern(
                source=events.Match.prefix("onyx."),
                detail_type=events.Match.anything_but(
                    *(
                        each.detail_type()
                        for each in (*_TALK, ActionRequested, ActionProgressed, ActionFinished)
                    )
                ),
            ),
            consumer=on_event,
        )
        on_cron = self.function("OnCron", "on_cron", timeout=Duration.seconds(30))
        self._allow_requests(on_cron)
        self.triggers.allow(on_cron.role, *WRITE)
        self.inbox_table.allow(on_cron.role, *CONSUME)
        EventChannel(self, "Cron", foundation=self.foundation, pattern=pattern_of(CronDue), consumer=on_cron)

    def _allow_requests(self, function: ControlFunction) -> None:
        """What it takes to ask for a run of a trigger, or to keep it as one that is refused."""
        self._allow_versions(function)
        self.triggers.allow(function.role, *GET)
        self.executions.allow(function.role, *GET, *WRITE)
        self.outbox_table.allow(function.role, *APPEND)

    def _runs(self) -> None:
        on_run = self.function("OnRunRequested", "on_run_requested", timeout=Duration.seconds(30))
        self._allow_runs(on_run)
        self.executions.allow(on_run.role, *LIST, *COUNT, *DELETE)
        self.journal.allow(on_run.role, *LIST)
        self.settings.allow(on_run.role, *GET)
        self.inbox_table.allow(on_run.role, *CONSUME)
        self._allow_artifacts(on_run, "s3:PutObject")
        # A version that was collected as unused is made again for a run that needs it.
        self.versions.allow(on_run.role, *WRITE)
        self.machines.allow_publish(on_run.role)
        self._allow_cancel(on_run)
        EventChannel(
            self,
            "Execution",
            foundation=self.foundation,
            pattern=pattern_of(RunRequested, RunFinished, RunCancelled),
            consumer=on_run,
        )
        on_ended = self.function("OnExecutionEnded", "on_execution_ended", timeout=Duration.seconds(30))
        self._allow_runs(on_ended)
        self.executions.allow(on_ended.role, *COUNT)
        self._allow_cancel(on_ended)
        self.inbox_table.allow(on_ended.role, *CONSUME)
        EventChannel(
            self,
            "Ended",
            foundation=self.foundation,
            bus=events.EventBus.from_event_bus_name(self, "DefaultBus", "default"),
            pattern=events.EventPattern(
                source=["aws.states"],
                detail_type=["Step Functions Execution Status Change"],
                detail={
                    "status": ["FAILED", "TIMED_OUT", "ABORTED"],
                    "stateMachineArn": events.Match.prefix(
                        f"arn:{self.partition}:states:{self.region}:{self.account}"
                        f":stateMachine:{self.machines.prefix}"
                    ),
                },
            ),
            consumer=on_ended,
        )

    def _allow_cancel(self, function: ControlFunction) -> None:
        """Whoever comes first goes on with a cancelled run: stops its execution, starts the one that cleans
        up, and looks whether they have ended."""
        self.machines.allow_start(function.role)
        self.machines.allow_stop(function.role)
        self.machines.allow_look(function.role)

    def _answers(self) -> None:
        on_action = self._answer(
            "OnActionFinished", "Answers", "on_action_finished", ActionFinished, ActionProgressed
        )
        self._allow_versions(on_action)
        self.outbox_table.allow(on_action.role, *APPEND)
        self.machines.allow_heartbeat(on_action.role)
        self._answer("OnApprovalDecided", "Approvals", "on_approval_decided", ApprovalDecided)

    def _answer(self, id: str, channel: str, handler: str, *kinds: type[Event]) -> ControlFunction:
        """What journals an answer, and tells the state that waits for it."""
        function = self.function(id, handler, timeout=Duration.seconds(30))
        self.executions.allow(function.role, *GET)
        self.journal.allow(function.role, *GET, *WRITE)
        self.audit.allow(function.role, *GET, *WRITE)
        self.inbox_table.allow(function.role, *CONSUME)
        self._allow_artifacts(function, "s3:PutObject")
        self.machines.allow_answer(function.role)
        EventChannel(self, channel, foundation=self.foundation, pattern=pattern_of(*kinds), consumer=function)
        return function

    def _reconcile(self) -> None:
        job = self.function("Reconcile", "reconcile", timeout=Duration.seconds(55))
        self._allow_runs(job)
        self.executions.allow(job.role, *LIST, *COUNT, *DELETE)
        self.executions.allow_indexes(job.role)
        self.heads.allow(job.role, *READ, *WRITE)
        self.versions.allow(job.role, *LIST, *WRITE)
        self.triggers.allow(job.role, *READ, *WRITE, *COUNT, *DELETE)
        self.settings.allow(job.role, *GET)
        self.journal.allow(job.role, *READ, *WRITE)
        self._allow_artifacts(job, "s3:PutObject")
        for allow in (
            self.machines.allow_publish,
            self.machines.allow_collect,
            self.machines.allow_start,
            self.machines.allow_stop,
            self.machines.allow_look,
            self.machines.allow_answer,
            self.schedules.allow_change,
            self.schedules.allow_list,
        ):
            allow(job.role)
        ScheduledSweep(
            self,
            "ReconcileSchedule",
            foundation=self.foundation,
            function=job,
            every=RECONCILE_EVERY,
            description="Holds runs against Step Functions, starts what waits, ends what is over",
        )
        watch(
            self,
            "Quota",
            self.foundation,
            metric=cloudwatch.Metric(
                namespace="Onyx",
                metric_name=MACHINES_METRIC,
                dimensions_map={"service": self.domain},
                statistic="Maximum",
                period=Duration.minutes(15),
            ),
            threshold=MACHINES_QUOTA * 0.7,
            description="State machines are at 70 % of the account's quota: ask AWS for more.",
        )

    def _allow_artifacts(self, function: ControlFunction, *actions: str) -> None:
        """What belongs to runs: outputs too large for a row, histories."""
        self._allow_objects(function, "*/runs/*", *actions)

    def _allow_definitions(self, function: ControlFunction, *actions: str) -> None:
        """Versions too large for a row."""
        self._allow_objects(function, "*/workflows/*", *actions)

    def _allow_objects(self, function: ControlFunction, keys: str, *actions: str) -> None:
        objects = self.artifacts.arn_for_objects(keys)
        function.role.add_to_principal_policy(iam.PolicyStatement(actions=list(actions), resources=[objects]))
        self.foundation.allow_encrypt(function.role)
        acknowledge(
            function.role,
            {wildcard_resource(function.role, objects): "Tenant and id are known at run time."},
        )

    def _allow_secrets(self, function: ControlFunction, *actions: str) -> None:
        stack = Stack.of(self)
        manager = f"arn:{stack.partition}:secretsmanager:{stack.region}:{stack.account}"
        secrets = f"{manager}:secret:{self.secrets}*/workflow/*"
        function.role.add_to_principal_policy(
            iam.PolicyStatement(
                actions=[f"secretsmanager:{action}" for action in actions], resources=[secrets]
            )
        )
        acknowledge(
            function.role,
            {wildcard_resource(function.role, secrets): "Tenants' credentials, named at run time."},
        )

    def _allow_mail(self, function: ControlFunction) -> None:
        stack = Stack.of(self)
        sender = self.foundation.environment.workflows.mail_sender
        identities = [
            f"arn:{stack.partition}:ses:{stack.region}:{stack.account}:identity/{name}"
            for name in (sender, sender.partition("@")[2])
        ]
        function.role.add_to_principal_policy(
            iam.PolicyStatement(actions=["ses:SendEmail"], resources=identities)
        )
