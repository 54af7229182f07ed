"""The runtime's use cases with their adapters, made at the first call."""

from collections.abc import Mapping
from functools import lru_cache, partial

from services.workflow.adapters.actions.http_client import HttpClient
from services.workflow.adapters.actions.http_requests import HttpAction
from services.workflow.adapters.actions.notify import Notify
from services.workflow.adapters.actions.set_values import SetValues
from services.workflow.adapters.approval_store import ApprovalStore
from services.workflow.adapters.artifact_store import ArtifactStore
from services.workflow.adapters.audit_store import AuditStore
from services.workflow.adapters.callbacks import StepFunctionsCallbacks
from services.workflow.adapters.credentials import SecretCredentials
from services.workflow.adapters.executions import StepFunctionsExecutions
from services.workflow.adapters.journal_store import JournalStore
from services.workflow.adapters.outgoing import Outgoing
from services.workflow.adapters.run_store import RunStore
from services.workflow.adapters.runtime_settings import AnswerSettings, DispatcherSettings, RuntimeSettings
from services.workflow.adapters.setting_store import SettingStore
from services.workflow.adapters.version_store import VersionStore
from services.workflow.application.answers import Answers
from services.workflow.application.approvals import Approving
from services.workflow.application.cancel import Cancel
from services.workflow.application.dispatch import Dispatch
from services.workflow.application.runtime import Runtime
from services.workflow.application.seal import Seal
from services.workflow.domain.builtin_actions import HTTP_GET, HTTP_SEND, NOTIFY, SET
from services.workflow.domain.registry import Registry
from services.workflow.domain.runtime_ports import InlineAction
from shared import aws
from shared.clock import SystemClock
from shared.config import load_settings
from shared.failpoints import Failpoints
from shared.ids import UuidIds
from shared.outbox import Outbox
from shared.table import TenantTable

FAILPOINTS = Failpoints("workflow dispatcher")


def runtime(settings: RuntimeSettings, inline: Mapping[str, InlineAction] | None = None) -> Runtime:
    """`inline` are the actions that run here; a process that only takes answers has none."""
    clock, ids = SystemClock(), UuidIds()
    outbox = Outbox(settings.outbox_table)
    outgoing = Outgoing(outbox, clock, ids)
    artifacts = ArtifactStore(settings.artifact_bucket)
    executions = TenantTable(settings.execution_table)
    audit = AuditStore(TenantTable(settings.audit_table), clock)
    return Runtime(
        runs=RunStore(executions, outbox, clock, ids),
        versions=VersionStore(TenantTable(settings.version_table), settings.artifact_bucket),
        journal=JournalStore(TenantTable(settings.step_journal_table), outgoing, artifacts),
        approving=Approving(ApprovalStore(executions, outgoing), audit, clock, FAILPOINTS),
        audit=audit,
        callbacks=StepFunctionsCallbacks(),
        registry=Registry.load(),
        inline=inline or {},
        clock=clock,
        failpoint=FAILPOINTS,
    )


def inline_actions(settings: DispatcherSettings) -> Mapping[str, InlineAction]:
    """The code of each action that runs here, by its name."""
    client = HttpClient(frozenset(settings.egress_allowed_hosts.split()))
    credentials = SecretCredentials(settings.secret_prefix)
    channels = SettingStore(TenantTable(settings.setting_table))
    mail = partial(aws.client, "sesv2")
    return {
        SET.name: SetValues(),
        HTTP_GET.name: HttpAction(client, credentials, sends=False),
        HTTP_SEND.name: HttpAction(client, credentials, sends=True),
        NOTIFY.name: Notify(channels, credentials, client, mail, settings.mail_sender),
    }


def cancel(made: Runtime) -> Cancel:
    """Cancelling, over a runtime's stores."""
    return Cancel(made.runs, made.versions, StepFunctionsExecutions(), made.audit, made.clock, made.failpoint)


def seal(made: Runtime, settings: RuntimeSettings) -> Seal:
    """What follows a run's end, over a runtime's stores."""
    artifacts = ArtifactStore(settings.artifact_bucket)
    return Seal(made.runs, made.journal, made.approving, made.audit, artifacts, made.failpoint)


@lru_cache(maxsize=1)
def dispatch() -> Dispatch:
    settings = load_settings(DispatcherSettings)
    return Dispatch(runtime(settings, inline_actions(settings)))


@lru_cache(maxsize=1)
def answers() -> Answers:
    return Answers(runtime(load_settings(AnswerSettings)))
