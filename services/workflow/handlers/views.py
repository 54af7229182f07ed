"""The domain's words as the HTTP API says them."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from services.workflow.domain.audit_chain import Broken, Entry
from services.workflow.domain.definition import (
    CronTrigger,
    Definition,
    EventTrigger,
    Trigger,
    WebhookTrigger,
)
from services.workflow.domain.dry_run import Trace
from services.workflow.domain.errors import DefinitionInvalid
from services.workflow.domain.history_estimate import history_events, transitions
from services.workflow.domain.naming import hook_id
from services.workflow.domain.parsing import parse
from services.workflow.domain.ports import Published
from services.workflow.domain.run import Approval, Failure, Run, StepRecord
from services.workflow.domain.runtime_ports import Channel
from services.workflow.domain.workflow import TriggerSet, Workflow
from services.workflow.handlers.models import (
    ActionView,
    ApprovalView,
    AuditEntry,
    AuditView,
    ChannelView,
    CheckView,
    DryRunView,
    EstimateView,
    FindingView,
    HookView,
    RunFailure,
    RunView,
    StepView,
    TemplateView,
    TraceStep,
    VersionView,
    WorkflowView,
)
from shared.actions import Action, Field
from shared.clock import iso
from shared.json_text import plain
from shared.money import money_text
from shared.tenancy import TenantId

HOOKS = "/v1/workflows/hooks"


def workflow_view(row: Workflow, triggers: TriggerSet | None) -> WorkflowView:
    state = "publishing" if row.current is None else "paused" if row.paused else "active"
    return WorkflowView(
        workflow=row.id,
        title=row.title,
        version=row.current,
        state=state,
        triggers=[trigger_text(each) for each in triggers.triggers] if triggers else [],
        updated_at=iso(row.updated_at),
        updated_by=row.updated_by,
    )


def trigger_text(trigger: Trigger) -> str:
    """One trigger in a few words: `monthly: cron(0 8 1 * ? *) Europe/Berlin`."""
    match trigger:
        case EventTrigger():
            return f"{trigger.name}: {trigger.type}"
        case CronTrigger():
            return f"{trigger.name}: cron({trigger.cron}) {trigger.timezone}"
        case WebhookTrigger():
            return f"{trigger.name}: webhook"
    return f"{trigger.name}: manual"


def version_view(tenant: TenantId, found: Published) -> VersionView:
    return VersionView(
        workflow=found.workflow,
        version=found.version,
        source=found.source,
        published_by=found.published_by,
        published_at=iso(found.published_at),
        hooks=hook_views(tenant, found.workflow, found.definition.triggers),
    )


def hook_views(tenant: TenantId, workflow: str, triggers: Sequence[Trigger]) -> list[HookView]:
    return [
        HookView(trigger=each.name, path=hook_path(tenant, workflow, each.name))
        for each in triggers
        if isinstance(each, WebhookTrigger)
    ]


def hook_path(tenant: TenantId, workflow: str, trigger: str) -> str:
    return f"{HOOKS}/{hook_id(tenant, workflow, trigger)}"


def run_view(run: Run) -> RunView:
    return RunView(
        run=run.id,
        workflow=run.workflow,
        version=run.version,
        status=run.status.value,
        trigger=run.trigger,
        started_by=run.started_by,
        created_at=iso(run.created_at),
        started_at=iso(run.started_at) if run.started_at else None,
        ended_at=iso(run.ended_at) if run.ended_at else None,
        inputs=plain(run.inputs),
        outputs=None if run.outputs is None else plain(run.outputs),
        failure=failure_view(run.failure),
        retry_of=run.retry_of,
        retried_by=run.retried_by,
        artifacts=run.artifacts,
        cancelled_by=run.cancelled_by,
    )


def failure_view(failure: Failure | None) -> RunFailure | None:
    if failure is None:
        return None
    return RunFailure(code=failure.code, message=failure.message, step=failure.step, at=failure.at)


def step_view(record: StepRecord) -> StepView:
    return StepView(
        step=record.step,
        at=record.at,
        status=record.status.value,
        attempt=record.attempt,
        effect_key=record.effect_key,
        started_at=iso(record.started_at),
        ended_at=iso(record.ended_at) if record.ended_at else None,
        input=plain(record.input),
        output=plain(record.output),
        output_location=record.output_location,
        failure=failure_view(record.failure),
        carried_from=record.carried_from,
    )


def audit_view(entries: Sequence[Entry], broken: Broken | None) -> AuditView:
    return AuditView(
        rows=[
            AuditEntry(
                seq=each.seq,
                at=each.at,
                act=each.act,
                by=each.by,
                facts=json.loads(each.facts, parse_float=str),
                hash=each.hash,
            )
            for each in entries
        ],
        verified=broken is None,
        broken_at=None if broken is None else broken.seq,
    )


def approval_view(approval: Approval) -> ApprovalView:
    return ApprovalView(
        approval=approval.id,
        run=approval.run,
        workflow=approval.workflow,
        step=approval.step,
        message=approval.message,
        status=approval.status.value,
        roles=list(approval.roles),
        subjects=list(approval.subjects),
        count=approval.count,
        decided=sum(each.approve for each in approval.decisions),
        created_at=iso(approval.created_at),
        expires_at=iso(approval.expires_at),
    )


def action_view(action: Action) -> ActionView:
    return ActionView(
        action=action.name,
        title=action.title,
        description=action.description,
        idempotency=action.idempotency.value,
        role=action.role.value,
        inputs=[_field_text(name, field) for name, field in action.input.items()],
        outputs=[_field_text(name, field) for name, field in action.output.items()],
    )


def channel_view(channel: Channel) -> ChannelView:
    return ChannelView(
        channel=channel.name,
        kind=channel.kind,
        # An incoming webhook's address is all that it takes to post there.
        url=None
        if channel.url is None
        else f"{urlsplit(channel.url).scheme}://{urlsplit(channel.url).netloc}/…",
        credential=channel.credential,
        addresses=list(channel.addresses),
    )


def check_view(definition: Definition, machine: Mapping[str, Any]) -> CheckView:
    found = transitions(definition, machine)
    return CheckView(
        workflow=definition.id,
        findings=[],
        estimate=EstimateView(
            transitions=found.typical,
            transitions_at_most=found.worst,
            history_events_at_most=history_events(definition, machine),
            usd_per_1000_runs=money_text(found.price(1000)[0]),
        ),
    )


def faults_view(error: DefinitionInvalid) -> CheckView:
    findings = [FindingView.model_validate(each) for each in error.errors]
    return CheckView(workflow=None, findings=findings, estimate=None)


def dry_run_view(trace: Trace) -> DryRunView:
    failure = failure_view(trace.failure)
    return DryRunView(
        status=trace.status,
        steps=[
            TraceStep(
                step=each.step,
                at=each.at,
                kind=each.kind,
                outcome=each.outcome,
                seconds=each.seconds,
                input=plain(each.input),
                output=plain(each.output),
                failure=failure_view(each.failure),
            )
            for each in trace.steps
        ],
        outputs=None if trace.outputs is None else plain(trace.outputs),
        failure=failure,
        not_reached=list(trace.not_reached),
        seconds=trace.seconds,
        transitions=trace.transitions,
    )


def template_view(source: str) -> TemplateView:
    found = parse(source)
    return TemplateView(template=found.id, title=found.title, description=found.description)


def _field_text(name: str, field: Field) -> str:
    return f"{name}{'' if field.required else '?'}: {field.kind.value}"
