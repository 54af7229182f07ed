"""The one way to subscribe: rule -> topic -> queue -> consumer."""

from collections.abc import Sequence

from aws_cdk import CfnOutput, Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda_event_sources as sources
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.constructs.control_function import ControlFunction
from infra.constructs.foundation import Foundation
from infra.constructs.nag import acknowledge
from shared.events import Event

VISIBILITY_FACTOR = 6
"""AWS's advice for a queue before Lambda: six times the consumer's timeout, so that throttled retries fit."""
RETENTION = Duration.days(4)
DEAD_LETTER_RETENTION = Duration.days(14)


class EventChannel(Construct):
    """A queue that gets its own copy of every event that `pattern` matches.

    The queue's consumer is a function (`consumer`: batches with partial failures) or a task that polls it
    (it calls `allow_consume` and names the longest silence between two signs of life as
    `consumer_timeout`). What fails on any hop (the rule's target, the topic's subscription, the queue's
    consumer) ends in one dead-letter queue: all three hops leave the event itself there, so that one reader
    and one redrive serve them. Both queues are watched. Outputs of the stack: `<id>QueueUrl`, `<id>DlqUrl`.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        foundation: Foundation,
        pattern: events.EventPattern,
        bus: events.IEventBus | None = None,
        consumer: ControlFunction | None = None,
        consumer_timeout: Duration | None = None,
        batch_size: int = 10,
        max_concurrency: int = 5,
        max_receive_count: int = 5,
    ) -> None:
        super().__init__(scope, id)
        timeout = consumer.timeout if consumer else consumer_timeout
        if timeout is None or (consumer and consumer_timeout):
            raise ValueError(f"{id}: give either a consumer function or a task's consumer_timeout")
        self._foundation = foundation
        self.receives = max_receive_count
        self.dead_letters = self._queue("DeadLetters", retention_period=DEAD_LETTER_RETENTION)
        self.queue = self._queue(
            "Queue",
            retention_period=RETENTION,
            visibility_timeout=Duration.seconds(VISIBILITY_FACTOR * int(timeout.to_seconds())),
            dead_letter_queue=sqs.DeadLetterQueue(
                queue=self.dead_letters, max_receive_count=max_receive_count
            ),
        )
        self.topic = sns.Topic(self, "Topic", master_key=foundation.key, enforce_ssl=True)
        self.topic.add_subscription(
            subscriptions.SqsSubscription(
                self.queue, raw_message_delivery=True, dead_letter_queue=self.dead_letters
            )
        )
        self.rule = events.Rule(
            self,
            "Rule",
            event_bus=bus or foundation.bus,
            event_pattern=pattern,
            targets=[
                targets.SnsTopic(
                    self.topic,
                    dead_letter_queue=self.dead_letters,
                    max_event_age=Duration.hours(24),
                    retry_attempts=185,
                )
            ],
        )
        self._alarms()
        if consumer:
            consumer.function.add_event_source(
                sources.SqsEventSource(
                    self.queue,
                    batch_size=batch_size,
                    max_concurrency=max_concurrency,
                    report_batch_item_failures=True,
                )
            )
            # A consumer hides a message that it failed for longer and longer (ChangeMessageVisibility).
            self.allow_consume(consumer.role)
        CfnOutput(self, "QueueUrl", value=self.queue.queue_url).override_logical_id(f"{id}QueueUrl")
        CfnOutput(self, "DlqUrl", value=self.dead_letters.queue_url).override_logical_id(f"{id}DlqUrl")
        acknowledge(
            self.dead_letters,
            {"AwsSolutions-SQS3": "It is the dead-letter queue."},
        )

    def allow_consume(self, role: iam.IRole) -> None:
        """Lets `role` receive, delete and hide messages of the queue."""
        actions = ("ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility")
        role.add_to_principal_policy(
            iam.PolicyStatement(
                actions=[f"sqs:{action}" for action in actions], resources=[self.queue.queue_arn]
            )
        )
        self._foundation.allow_decrypt(role)

    def allow_send(self, role: iam.IRole) -> None:
        """Lets `role` put messages into the queue by itself, past rule and topic."""
        role.add_to_principal_policy(
            iam.PolicyStatement(actions=["sqs:SendMessage"], resources=[self.queue.queue_arn])
        )
        self._foundation.allow_encrypt(role)

    def _queue(
        self,
        id: str,
        *,
        retention_period: Duration,
        visibility_timeout: Duration | None = None,
        dead_letter_queue: sqs.DeadLetterQueue | None = None,
    ) -> sqs.Queue:
        return sqs.Queue(
            self,
            id,
            retention_period=retention_period,
            visibility_timeout=visibility_timeout,
            dead_letter_queue=dead_letter_queue,
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=self._foundation.key,
            data_key_reuse=Duration.hours(1),
            enforce_ssl=True,
            removal_policy=self._foundation.removal_policy,
        )

    def _alarms(self) -> None:
        thresholds = self._foundation.environment.alarms
        watch(
            self,
            "Age",
            self._foundation,
            metric=self.queue.metric_approximate_age_of_oldest_message(period=Duration.minutes(5)),
            threshold=thresholds.queue_age_seconds,
            description="An event has waited too long: its consumer is down or too slow.",
        )
        watch(
            self,
            "Dead",
            self._foundation,
            metric=self.dead_letters.metric_approximate_number_of_messages_visible(
                period=Duration.minutes(5)
            ),
            threshold=thresholds.dead_letters,
            description="Events were given up: `onyx dlq list` shows them.",
        )


def watch(
    scope: Construct,
    id: str,
    foundation: Foundation,
    *,
    metric: cloudwatch.IMetric,
    threshold: float,
    description: str,
    periods: int = 1,
) -> cloudwatch.Alarm:
    """An alarm to the alarm topic when `metric` reaches `threshold` in so many `periods` in a row.

    No data is no alarm.
    """
    alarm = cloudwatch.Alarm(
        scope,
        f"{id}Alarm",
        metric=metric,
        threshold=threshold,
        evaluation_periods=periods,
        comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        alarm_description=description,
    )
    alarm.add_alarm_action(actions.SnsAction(foundation.alarms))
    return alarm


def pattern_of(*kinds: type[Event]) -> events.EventPattern:
    """The pattern that matches events of these contracts, all of one source.

    ValueError where they have several sources: the pattern would match every pair of source and detail-type.
    """
    found = sorted({kind.source for kind in kinds})
    if len(found) != 1:
        raise ValueError(f"a channel takes events of one source, not of {found or 'none'}")
    return events.EventPattern(source=found, detail_type=_detail_types(kinds))


def object_created(bucket: s3.IBucket) -> events.EventPattern:
    """The pattern of S3's own event for a new object in `bucket` (it comes on the account's default bus)."""
    return events.EventPattern(
        source=["aws.s3"],
        detail_type=["Object Created"],
        detail={"bucket": {"name": [bucket.bucket_name]}},
    )


def _detail_types(kinds: Sequence[type[Event]]) -> list[str]:
    return sorted(kind.detail_type() for kind in kinds)
