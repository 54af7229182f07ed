"""What stands behind the API's routes: made once per process, from its environment."""

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from services.workflow.adapters.approval_store import ApprovalStore
from services.workflow.adapters.audit_store import AuditStore
from services.workflow.adapters.credential_writer import CredentialWriter
from services.workflow.adapters.outgoing import Outgoing
from services.workflow.adapters.run_store import RunStore
from services.workflow.adapters.runtime_settings import RuntimeSettings
from services.workflow.adapters.setting_store import SettingStore
from services.workflow.adapters.start_settings import MatchSettings, PublishSettings
from services.workflow.adapters.trigger_store import HookStore, TriggerStore
from services.workflow.adapters.workflow_store import WorkflowStore
from services.workflow.application.approvals import Approving
from services.workflow.application.cancel import Cancel
from services.workflow.application.lifecycle import Lifecycle
from services.workflow.application.publish import Publish
from services.workflow.application.resolve import Resolve
from services.workflow.application.retry import RetryRun
from services.workflow.application.start import StartRun
from services.workflow.application.webhooks import Webhooks
from services.workflow.domain.definition import Definition, WebhookTrigger
from services.workflow.domain.naming import hook_id
from services.workflow.domain.parsing import parse
from services.workflow.domain.ports import Journal, Published
from services.workflow.domain.registry import Registry
from services.workflow.domain.start_ports import StoredVersions
from services.workflow.domain.workflow import Workflow
from services.workflow.handlers.models import HookView
from services.workflow.handlers.runtime_wiring import cancel, runtime
from services.workflow.handlers.start_wiring import compile_asl, publish, requesting
from services.workflow.handlers.views import hook_path
from shared.clock import SystemClock
from shared.config import load_settings
from shared.errors import NotFound
from shared.ids import UuidIds
from shared.outbox import Outbox
from shared.page_keys import PageKeys
from shared.table import TenantTable
from shared.tenancy import Principal, TenantId


class ApiSettings(PublishSettings, RuntimeSettings, MatchSettings):
    """All that the API's function is told."""

    setting_table: str
    secret_prefix: str
    key_arn: str
    page_token_secret_arn: str


@dataclass(frozen=True)
class Checked:
    """A definition and its state machine."""

    definition: Definition
    machine: Mapping[str, Any]


@dataclass(frozen=True)
class Services:
    """The use cases, and the stores that are only read."""

    workflows: WorkflowStore
    versions: StoredVersions
    triggers: TriggerStore
    hooks: HookStore
    runs: RunStore
    journal: Journal
    approvals: ApprovalStore
    audit: AuditStore
    settings: SettingStore
    credentials: CredentialWriter
    publish: Publish
    lifecycle: Lifecycle
    start: StartRun
    cancel: Cancel
    retry: RetryRun
    resolve: Resolve
    approving: Approving
    webhooks: Webhooks
    compile: Callable[[Definition, TenantId, int], str]
    registry: Registry = field(default_factory=Registry.load)
    ids: UuidIds = field(default_factory=UuidIds)

    def workflow(self, tenant: TenantId, workflow: str) -> Workflow:
        """Raises NotFound, also for one that was deleted."""
        row = self.workflows.get(tenant, workflow)
        if row is None or row.deleted:
            raise NotFound(f"there is no workflow {workflow}")
        return row

    def published(self, tenant: TenantId, workflow: str, version: int | None) -> Published:
        """A version, or the current one. Raises NotFound."""
        row = self.workflow(tenant, workflow)
        number = version or row.current
        found = None if number is None else self.versions.get(tenant, workflow, number)
        if found is None:
            raise NotFound(f"workflow {workflow} has no version {number or 'yet'}")
        return found

    def checked(self, tenant: TenantId, source: str) -> Checked:
        """What a definition says and comes to. Raises DefinitionInvalid and Unprocessable (too long)."""
        definition = parse(source)
        return Checked(definition, json.loads(self.compile(definition, tenant, 1)))

    def new_hooks(self, caller: Principal, definition: Definition) -> list[HookView]:
        """The definition's webhooks, each with its secret where it has none yet: shown this once."""
        return [
            self._hook(caller, definition.id, trigger.name)
            for trigger in definition.triggers
            if isinstance(trigger, WebhookTrigger)
        ]

    def _hook(self, caller: Principal, workflow: str, trigger: str) -> HookView:
        path = hook_path(caller.tenant, workflow, trigger)
        if self.hooks.get(caller.tenant, hook_id(caller.tenant, workflow, trigger)) is not None:
            return HookView(trigger=trigger, path=path)
        _, secret = self.webhooks.rotate(caller, workflow, trigger)
        return HookView(trigger=trigger, path=path, secret=secret)


@lru_cache(maxsize=1)
def services() -> Services:
    settings = load_settings(ApiSettings)
    clock, ids = SystemClock(), UuidIds()
    keys = PageKeys.from_secret(settings.page_token_secret_arn)
    outbox = Outbox(settings.outbox_table)
    executions = TenantTable(settings.execution_table, page_keys=keys)
    made = runtime(settings)
    publishing = publish(settings)
    triggers = TriggerStore(TenantTable(settings.trigger_table))
    hooks = HookStore(TenantTable(settings.trigger_table))
    workflows = WorkflowStore(
        TenantTable(settings.workflow_table, page_keys=keys), triggers, outbox, clock, ids
    )
    runs = RunStore(executions, outbox, clock, ids)
    return Services(
        workflows=workflows,
        versions=publishing.versions,
        triggers=triggers,
        hooks=hooks,
        runs=runs,
        journal=made.journal,
        approvals=ApprovalStore(executions, Outgoing(outbox, clock, ids)),
        audit=AuditStore(TenantTable(settings.audit_table), clock),
        settings=SettingStore(TenantTable(settings.setting_table)),
        credentials=CredentialWriter(settings.secret_prefix, settings.key_arn),
        publish=publishing,
        lifecycle=Lifecycle(workflows, triggers, hooks, publishing.schedules, clock),
        start=StartRun(workflows, publishing.versions, runs, clock),
        cancel=cancel(made),
        retry=RetryRun(runs, publishing.versions, made.audit, clock, made.failpoint),
        resolve=Resolve(made),
        approving=made.approving,
        webhooks=Webhooks(hooks, triggers, requesting(settings), clock, secrets.token_bytes),
        compile=compile_asl(settings.dispatcher_arn),
    )
