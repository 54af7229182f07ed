"""Settings of what moves runs on: one environment variable per field."""

from shared.config import Settings


class RuntimeSettings(Settings):
    """What everything that writes a run's journal needs."""

    version_table: str
    execution_table: str
    step_journal_table: str
    audit_table: str
    outbox_table: str
    artifact_bucket: str


class DispatcherSettings(RuntimeSettings):
    """The dispatcher. `egress_allowed_hosts` are places (`host:port`, `host:*`, parted by spaces) that
    workflows may ask whatever their address: none on AWS."""

    setting_table: str
    secret_prefix: str
    mail_sender: str = ""
    egress_allowed_hosts: str = ""


class AnswerSettings(RuntimeSettings):
    """The callback jobs."""

    inbox_table: str
