"""A sweep: a function on a schedule that repairs what crashes and lost messages left behind."""

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from constructs import Construct

from infra.constructs.control_function import ControlFunction
from infra.constructs.event_channel import watch
from infra.constructs.foundation import Foundation


class ScheduledSweep(Construct):
    """Runs `function` every so often and without retries: the next run is the
    retry, and goes on where the last one stopped. A run that fails raises the alarm.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        foundation: Foundation,
        function: ControlFunction,
        every: Duration,
        description: str,
    ) -> None:
        super().__init__(scope, id)
        function.function.configure_async_invoke(retry_attempts=0, max_event_age=Duration.minutes(5))
        events.Rule(
            self,
            "Schedule",
            description=description,
            schedule=events.Schedule.rate(every),
            targets=[targets.LambdaFunction(function.function)],
        )
        watch(
            self,
            "Errors",
            foundation,
            metric=function.function.metric_errors(period=Duration.minutes(15)),
            threshold=1,
            description=f"{description}: a run failed; the function's log says for which tenant.",
        )
