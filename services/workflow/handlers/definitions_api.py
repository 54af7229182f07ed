"""HTTP API of definitions: publish, look at, pause, delete. Routes of the workflows' function."""

import json
from typing import Annotated, Any
from urllib.parse import unquote

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from services.workflow.domain.dry_run import dry_run as walk
from services.workflow.domain.errors import DefinitionInvalid
from services.workflow.domain.templates import templates as known_templates
from services.workflow.handlers.api_wiring import services
from services.workflow.handlers.models import (
    ActionList,
    AslView,
    CheckView,
    DryRunAsked,
    DryRunView,
    PublishedView,
    SecretView,
    SourceGiven,
    TemplateList,
    TemplateSource,
    VersionList,
    VersionRow,
    VersionView,
    WorkflowPage,
    WorkflowView,
)
from services.workflow.handlers.views import (
    action_view,
    check_view,
    dry_run_view,
    faults_view,
    hook_path,
    template_view,
    version_view,
    workflow_view,
)
from shared.clock import iso
from shared.errors import NotFound, Unprocessable
from shared.http import principal, requires, respond
from shared.tenancy import Role

router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]

BASE = "/v1/workflows"
Id = Annotated[str, Path(description="The workflow's id.", examples=["cost-report"])]
Limit = Annotated[int, Query(ge=1, le=1000, description="Rows per page.")]
Cursor = Annotated[str | None, Query(max_length=4096, description="The cursor of the page before.")]
Version = Annotated[int | None, Query(ge=1, description="Default: the current one.")]


def errors(*codes: str) -> dict[str, Any]:
    """The codes that are a route's own, shown in the OpenAPI document."""
    return {"x-onyx-errors": list(codes)}


@router.get(BASE, summary="The tenant's workflows, by id")
@requires(Role.VIEWER)
def workflows(limit: Limit = 100, cursor: Cursor = None) -> WorkflowPage:
    tenant = principal(router).tenant
    page = services().workflows.page(tenant, limit=limit, cursor=cursor)
    triggers = {each.workflow: each for each in services().triggers.every(tenant)}
    rows = [workflow_view(row, triggers.get(row.id)) for row in page.rows if not row.deleted]
    return WorkflowPage(rows=rows, cursor=page.cursor)


@router.post(
    f"{BASE}/check",
    summary="Check a definition",
    description="All that is wrong with it, with line and column; else what a run of it takes. Nothing is "
    "published.",
)
@requires(Role.VIEWER)
def check(body: SourceGiven) -> CheckView:
    try:
        checked = services().checked(principal(router).tenant, body.source)
    except DefinitionInvalid as error:
        return faults_view(error)
    return check_view(checked.definition, checked.machine)


@router.post(
    f"{BASE}/dry-run",
    summary="Walk a definition with stubbed actions",
    description="The compiled state machine is walked in simulated time; no action is done.",
    openapi_extensions=errors("DEFINITION_INVALID", "INPUTS_INVALID"),
)
@requires(Role.VIEWER)
def dry_run(body: DryRunAsked) -> DryRunView:
    definition = services().checked(principal(router).tenant, body.source).definition
    return dry_run_view(walk(definition, body.inputs, body.event, body.stubs))


@router.get(f"{BASE}/actions", summary="What a step can do")
@requires(Role.VIEWER)
def actions() -> ActionList:
    return ActionList(rows=[action_view(each) for each in services().registry])


@router.get(f"{BASE}/templates", summary="Definitions to begin with")
@requires(Role.VIEWER)
def templates() -> TemplateList:
    return TemplateList(rows=[template_view(source) for source in known_templates().values()])


@router.get(f"{BASE}/templates/<template>", summary="One template")
@requires(Role.VIEWER)
def template(template: Annotated[str, Path(examples=["cost-report"])]) -> TemplateSource:
    name = unquote(template)
    if name not in known_templates():
        raise NotFound(f"there is no template {name}; there are {', '.join(known_templates())}")
    return TemplateSource(template=name, source=known_templates()[name])


@router.put(
    f"{BASE}/<workflow>",
    summary="Publish a definition",
    description="New runs are of it; runs that go on stay with the version that they began with. The same "
    "text again changes nothing. The caller needs the role of every action that it uses.",
    openapi_extensions=errors(
        "DEFINITION_INVALID", "PUBLISH_IN_PROGRESS", "WORKFLOW_ID", "WORKFLOW_TOO_LONG"
    ),
)
@requires(Role.OPERATOR)
def publish(workflow: Id, body: SourceGiven) -> Response[PublishedView]:
    caller, made = principal(router), services()
    definition = made.publish.checked(body.source, caller)
    if definition.id != unquote(workflow):
        raise Unprocessable(
            f"the definition is of workflow {definition.id}, the path of {unquote(workflow)}",
            code="WORKFLOW_ID",
        )
    done = made.publish(caller, body.source)
    hooks = made.new_hooks(caller, definition)
    view = PublishedView(
        workflow=definition.id,
        version=done.version,
        status="published" if done.changed else "unchanged",
        hooks=hooks,
    )
    return respond(view, status=201 if done.changed else 200)


@router.get(f"{BASE}/<workflow>", summary="A version of a workflow, as it was applied")
@requires(Role.VIEWER)
def version(workflow: Id, version: Version = None) -> VersionView:
    tenant = principal(router).tenant
    return version_view(tenant, services().published(tenant, unquote(workflow), version))


@router.get(f"{BASE}/<workflow>/versions", summary="A workflow's versions, newest first")
@requires(Role.VIEWER)
def versions(workflow: Id) -> VersionList:
    tenant = principal(router).tenant
    services().published(tenant, unquote(workflow), None)
    found = services().versions.numbers(tenant, unquote(workflow))
    rows = [
        VersionRow(version=number, published_at=iso(at), runnable=machine is not None)
        for number, (at, machine) in sorted(found.items(), reverse=True)
    ]
    return VersionList(rows=rows)


@router.get(f"{BASE}/<workflow>/asl", summary="The Amazon States Language of a version")
@requires(Role.VIEWER)
def asl(workflow: Id, version: Version = None) -> AslView:
    found = services().published(principal(router).tenant, unquote(workflow), version)
    return AslView(workflow=found.workflow, version=found.version, asl=json.loads(found.asl))


@router.post(f"{BASE}/<workflow>/pause", summary="Let no trigger start it")
@requires(Role.OPERATOR)
def pause(workflow: Id) -> WorkflowView:
    return _view(services().lifecycle.pause(principal(router), unquote(workflow)).id)


@router.post(f"{BASE}/<workflow>/resume", summary="Let triggers start it again")
@requires(Role.OPERATOR)
def resume(workflow: Id) -> WorkflowView:
    return _view(services().lifecycle.resume(principal(router), unquote(workflow)).id)


@router.delete(
    f"{BASE}/<workflow>",
    summary="Delete a workflow",
    description="Nothing starts it any more. Runs that go on end as they would; what ran stays on record.",
)
@requires(Role.OPERATOR)
def delete(workflow: Id) -> WorkflowView:
    before = _view(unquote(workflow))
    services().lifecycle.delete(principal(router), unquote(workflow))
    return before.model_copy(update={"state": "deleted"})


@router.post(
    f"{BASE}/<workflow>/hooks/<trigger>/rotate",
    summary="Give a webhook a new secret",
    description="It is shown this once. The one before works for a day.",
)
@requires(Role.ADMIN)
def rotate(
    workflow: Id, trigger: Annotated[str, Path(description="The webhook trigger.", examples=["hook"])]
) -> SecretView:
    caller = principal(router)
    _, secret = services().webhooks.rotate(caller, unquote(workflow), unquote(trigger))
    path = hook_path(caller.tenant, unquote(workflow), unquote(trigger))
    return SecretView(trigger=unquote(trigger), path=path, secret=secret)


def _view(workflow: str) -> WorkflowView:
    tenant = principal(router).tenant
    row = services().workflow(tenant, workflow)
    return workflow_view(row, services().triggers.get(tenant, workflow))
