"""Settings of what publishes workflows and starts runs: one environment variable per field."""

from services.workflow.adapters.runtime_settings import RuntimeSettings
from shared.config import Settings


class MatchSettings(Settings):
    """What makes requests for runs: the trigger job, the cron job, the webhooks' function."""

    trigger_table: str
    version_table: str
    execution_table: str
    outbox_table: str
    artifact_bucket: str


class TriggerJobSettings(MatchSettings):
    """The trigger job."""

    global_trigger_table: str
    inbox_table: str


class CronJobSettings(MatchSettings):
    """The cron job."""

    inbox_table: str


class MachineSettings(Settings):
    """Where state machines are: `bus_arn` also tells partition, region and account."""

    machine_prefix: str
    bus_arn: str
    states_role_arn: str

    @property
    def machines(self) -> str:
        """What the ARN of every state machine begins with."""
        _, partition, _, region, account, _ = self.bus_arn.split(":", 5)
        return f"arn:{partition}:states:{region}:{account}:stateMachine:"


class QueueSettings(RuntimeSettings, MachineSettings):
    """What starts runs."""

    setting_table: str


class ExecutionJobSettings(QueueSettings):
    """The execution job."""

    inbox_table: str


class EndedJobSettings(RuntimeSettings):
    """The job that hears of ended executions."""

    inbox_table: str
    machine_prefix: str


class PublishSettings(MachineSettings):
    """Publishing."""

    workflow_table: str
    version_table: str
    trigger_table: str
    outbox_table: str
    artifact_bucket: str
    dispatcher_arn: str
    scheduler_role_arn: str
    schedule_group: str


class ReconcileSettings(QueueSettings, PublishSettings, MatchSettings):
    """The reconciling job."""
