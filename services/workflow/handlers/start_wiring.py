"""Publishing, triggers and starting with their adapters."""

import secrets
from collections.abc import Callable
from functools import lru_cache

from services.workflow.adapters.executions import StepFunctionsExecutions
from services.workflow.adapters.global_trigger_store import GlobalTriggerStore
from services.workflow.adapters.limit_store import LimitStore
from services.workflow.adapters.run_requests import RunRequests
from services.workflow.adapters.run_store import RunStore
from services.workflow.adapters.schedules import Schedules
from services.workflow.adapters.setting_store import SettingStore
from services.workflow.adapters.start_settings import (
    MachineSettings,
    MatchSettings,
    PublishSettings,
    QueueSettings,
    TriggerJobSettings,
)
from services.workflow.adapters.state_machines import StateMachines
from services.workflow.adapters.trigger_store import HookStore, TriggerStore
from services.workflow.adapters.version_store import VersionStore
from services.workflow.adapters.workflow_store import WorkflowStore
from services.workflow.application.match import KnownTriggers, MatchEvents
from services.workflow.application.publish import Publish
from services.workflow.application.requesting import Requesting
from services.workflow.application.run_queue import RunQueue
from services.workflow.application.schedule import RunOnSchedule
from services.workflow.application.webhooks import Webhooks
from services.workflow.domain.definition import Definition
from services.workflow.domain.parsing import parse
from services.workflow.domain.registry import Registry
from shared.clock import SystemClock
from shared.config import load_settings
from shared.ids import UuidIds
from shared.outbox import Outbox
from shared.table import TenantTable
from shared.tenancy import TenantId
from shared.tenant_list import TenantList

CLOCK, IDS = SystemClock(), UuidIds()


def run_store(execution_table: str, outbox_table: str) -> RunStore:
    return RunStore(TenantTable(execution_table), Outbox(outbox_table), CLOCK, IDS)


def version_store(version_table: str, artifact_bucket: str) -> VersionStore:
    return VersionStore(TenantTable(version_table), artifact_bucket)


def requesting(settings: MatchSettings) -> Requesting:
    return Requesting(
        version_store(settings.version_table, settings.artifact_bucket),
        run_store(settings.execution_table, settings.outbox_table),
        RunRequests(Outbox(settings.outbox_table)),
        CLOCK,
    )


def matching(settings: TriggerJobSettings) -> MatchEvents:
    ask = requesting(settings)
    known = KnownTriggers(
        TriggerStore(TenantTable(settings.trigger_table)), GlobalTriggerStore(settings.global_trigger_table)
    )
    return MatchEvents(known, ask.runs, ask)


def scheduling(settings: MatchSettings) -> RunOnSchedule:
    return RunOnSchedule(TriggerStore(TenantTable(settings.trigger_table)), requesting(settings), CLOCK)


@lru_cache(maxsize=1)
def webhooks() -> Webhooks:
    settings = load_settings(MatchSettings)
    table = TenantTable(settings.trigger_table)
    return Webhooks(HookStore(table), TriggerStore(table), requesting(settings), CLOCK, secrets.token_bytes)


def machines(settings: MachineSettings) -> StateMachines:
    return StateMachines(settings.machine_prefix, settings.machines, settings.states_role_arn)


def run_queue(settings: QueueSettings) -> RunQueue:
    return RunQueue(
        run_store(settings.execution_table, settings.outbox_table),
        version_store(settings.version_table, settings.artifact_bucket),
        machines(settings),
        StepFunctionsExecutions(),
        LimitStore(TenantTable(settings.execution_table)),
        SettingStore(TenantTable(settings.setting_table)),
        CLOCK,
    )


def compile_asl(dispatcher_arn: str) -> Callable[[Definition, TenantId, int], str]:
    """What makes the ASL of a version."""
    # Only publishing compiles: the jobs need not load it.
    from services.workflow.domain.compiler import compile

    actions = {each.name: each for each in Registry.load()}

    def compiled(definition: Definition, tenant: TenantId, version: int) -> str:
        return compile(
            definition, tenant=tenant, version=version, dispatcher_arn=dispatcher_arn, actions=actions
        ).text

    return compiled


def workflow_store(settings: PublishSettings) -> WorkflowStore:
    triggers = TriggerStore(TenantTable(settings.trigger_table))
    return WorkflowStore(
        TenantTable(settings.workflow_table), triggers, Outbox(settings.outbox_table), CLOCK, IDS
    )


def publish(settings: PublishSettings) -> Publish:
    return Publish(
        workflows=workflow_store(settings),
        versions=version_store(settings.version_table, settings.artifact_bucket),
        triggers=TriggerStore(TenantTable(settings.trigger_table)),
        machines=machines(settings),
        schedules=Schedules(settings.schedule_group, settings.bus_arn, settings.scheduler_role_arn),
        tenants=TenantList(settings.workflow_table),
        parse=parse,
        compile=compile_asl(settings.dispatcher_arn),
        action=Registry.load().get,
        clock=CLOCK,
    )
