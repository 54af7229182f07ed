"""From a domain's outbox table to the bus."""

from aws_cdk import CfnOutput, Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_destinations as destinations
from aws_cdk import aws_lambda_event_sources as sources
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.constructs.control_function import ControlFunction
from infra.constructs.domain_table import APPEND, PUBLISH, DomainTable
from infra.constructs.event_channel import DEAD_LETTER_RETENTION, watch
from infra.constructs.foundation import Foundation
from infra.constructs.nag import acknowledge

SWEEP_EVERY = Duration.minutes(5)


class OutboxRelay(Construct):
    """Publishes each new outbox row: table stream -> function -> bus.

    A batch that fails is split until the one bad row stands alone; after its retries, where it was goes to
    the failure queue. The row itself stays in the table until it is confirmed: every few minutes the same
    function sweeps what the stream has missed, and a sweep that fails leaves word in the same queue.
    """

    def __init__(
        self, scope: Construct, id: str, *, foundation: Foundation, domain: str, outbox: DomainTable
    ) -> None:
        super().__init__(scope, id)
        self.failures = sqs.Queue(
            self,
            "Failures",
            retention_period=DEAD_LETTER_RETENTION,
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=foundation.key,
            data_key_reuse=Duration.hours(1),
            enforce_ssl=True,
            removal_policy=foundation.removal_policy,
        )
        self.relay = ControlFunction(
            self,
            "Relay",
            foundation=foundation,
            domain=domain,
            handler="shared.outbox_relay.handler",
            environment={"OUTBOX_TABLE": outbox.name},
            timeout=Duration.seconds(30),
        )
        # What a sweep healed is told in an event of its own.
        outbox.allow(self.relay.role, *PUBLISH, *APPEND)
        outbox.allow_indexes(self.relay.role)
        self.relay.role.add_to_principal_policy(
            iam.PolicyStatement(actions=["events:PutEvents"], resources=[foundation.bus.event_bus_arn])
        )
        self.relay.function.add_event_source(
            sources.DynamoEventSource(
                outbox.table,
                starting_position=lambda_.StartingPosition.TRIM_HORIZON,
                batch_size=100,
                bisect_batch_on_error=True,
                report_batch_item_failures=True,
                retry_attempts=10,
                max_record_age=Duration.hours(23),
                filters=[lambda_.FilterCriteria.filter({"eventName": lambda_.FilterRule.is_equal("INSERT")})],
                on_failure=sources.SqsDlq(self.failures),
            )
        )
        self._sweep()
        # By these `onyx dlq redrive` knows what to run for the notes in the failure queue.
        for name, value in (
            ("RelayFunction", self.relay.function.function_name),
            ("RelayFailuresUrl", self.failures.queue_url),
        ):
            CfnOutput(self, name, value=value).override_logical_id(name)
        thresholds = foundation.environment.alarms
        watch(
            self,
            "Age",
            foundation,
            metric=self.relay.function.metric("IteratorAge", statistic="Maximum", period=Duration.minutes(5)),
            threshold=thresholds.relay_age_seconds * 1000,
            description="Facts are stored but not published: the outbox relay is behind.",
        )
        watch(
            self,
            "Dead",
            foundation,
            metric=self.failures.metric_approximate_number_of_messages_visible(period=Duration.minutes(5)),
            threshold=thresholds.dead_letters,
            description="The outbox relay gave rows up; they are still pending in the outbox table.",
        )
        acknowledge(
            self.failures,
            {"AwsSolutions-SQS3": "It is where the relay's failures end."},
        )
        family = (
            "CDK's grant to send to an encrypted queue: one family of actions, on the platform's key only."
        )
        acknowledge(
            self.relay.role,
            {
                "AwsSolutions-IAM5[Action::kms:GenerateDataKey*]": family,
                "AwsSolutions-IAM5[Action::kms:ReEncrypt*]": family,
            },
        )

    def _sweep(self) -> None:
        self.relay.function.configure_async_invoke(
            # The next sweep is the retry.
            retry_attempts=0,
            on_failure=destinations.SqsDestination(self.failures),
        )
        events.Rule(
            self,
            "Sweep",
            description="Publishes outbox rows that the stream has missed",
            schedule=events.Schedule.rate(SWEEP_EVERY),
            targets=[targets.LambdaFunction(self.relay.function, dead_letter_queue=self.failures)],
        )
