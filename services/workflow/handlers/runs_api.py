"""HTTP API of runs and approvals. Routes of the workflows' function."""

from typing import Annotated, Any
from urllib.parse import unquote

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from services.workflow.domain.run import Run, RunStatus
from services.workflow.handlers.api_wiring import services
from services.workflow.handlers.definitions_api import BASE, Cursor, Id, Limit, errors
from services.workflow.handlers.models import (
    ApprovalPage,
    ApprovalView,
    AuditView,
    DecisionGiven,
    Resolution,
    RetryAsked,
    RunAsked,
    RunPage,
    RunStarted,
    RunView,
    StepList,
    StepView,
)
from services.workflow.handlers.views import approval_view, audit_view, run_view, step_view
from shared.errors import NotFound
from shared.http import principal, requires, respond
from shared.tenancy import Role

router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]

RunId = Annotated[str, Path(description="The run's id.", examples=["r-0f3c5b1d2e4a69788796a5b4c3d2e1f0"])]


@router.get(f"{BASE}/runs", summary="The tenant's runs, newest first")
@requires(Role.VIEWER)
def runs(
    workflow: Annotated[str | None, Query(max_length=64, description="Of this workflow only.")] = None,
    status: Annotated[RunStatus | None, Query(description="In this status only.")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> RunPage:
    tenant = principal(router).tenant
    page = services().runs.of_workflow(tenant, workflow, status=status, limit=limit, cursor=cursor)
    return RunPage(rows=[run_view(each) for each in page.rows], cursor=page.cursor)


@router.post(
    f"{BASE}/<workflow>/runs",
    summary="Start a run",
    description="It needs a manual trigger. The same key again is the same run.",
    status_code=202,
    openapi_extensions=errors("WORKFLOW_PAUSED", "NO_MANUAL_TRIGGER", "KEY_REUSED", "INPUTS_INVALID"),
)
@requires(Role.OPERATOR)
def start(workflow: Id, body: RunAsked) -> Response[RunStarted]:
    key = body.key or services().ids.new()
    return _started(services().start(principal(router), unquote(workflow), body.inputs, key))


@router.get(f"{BASE}/runs/<run>", summary="One run")
@requires(Role.VIEWER)
def run(run: RunId) -> RunView:
    return run_view(_run(unquote(run)))


@router.get(
    f"{BASE}/runs/<run>/steps",
    summary="A run's journal: what each step was given and gave",
    description="In the order in which they began.",
)
@requires(Role.VIEWER)
def steps(run: RunId) -> StepList:
    found = _run(unquote(run))
    records = services().journal.every(principal(router).tenant, found.id)
    rows = sorted(records, key=lambda each: (each.started_at, each.at, each.step))
    return StepList(rows=[step_view(each) for each in rows])


@router.get(
    f"{BASE}/runs/<run>/audit",
    summary="Who did what in a run, verified",
    description="Every entry carries the hash of the one before; the last is anchored when the run ends.",
)
@requires(Role.VIEWER)
def audit(run: RunId) -> AuditView:
    tenant, found = principal(router).tenant, _run(unquote(run))
    entries = services().audit.entries(tenant, found.id)
    return audit_view(entries, services().audit.verify(tenant, found.id, found.audit_head))


@router.post(
    f"{BASE}/runs/<run>/cancel",
    summary="Cancel a run",
    description="No step begins any more; the execution is stopped, then its on_failure branch runs.",
    openapi_extensions=errors("RUN_ENDED"),
)
@requires(Role.OPERATOR)
def cancel(run: RunId) -> RunView:
    caller = principal(router)
    return run_view(services().cancel(caller.tenant, unquote(run), caller.subject))


@router.post(
    f"{BASE}/runs/<run>/retry",
    summary="Go on from where a run failed",
    description="A new run of the same version, which takes over what was done. A run is retried once: its "
    "successor can be retried in turn.",
    status_code=202,
    openapi_extensions=errors("RUN_NOT_ENDED", "RUN_NOT_RETRYABLE", "RUN_RETRIED", "STEP_UNKNOWN"),
)
@requires(Role.OPERATOR)
def retry(run: RunId, body: RetryAsked) -> Response[RunStarted]:
    caller = principal(router)
    key = services().ids.new()
    return _started(services().retry(caller, unquote(run), key=key, from_step=body.from_step))


@router.post(
    f"{BASE}/runs/<run>/steps/<step>/resolve",
    summary="Say what became of an effect whose answer was lost",
    openapi_extensions=errors("STEP_NOT_UNKNOWN", "ACTION_OUTPUT_INVALID", "VERSION_CONFLICT"),
)
@requires(Role.OPERATOR)
def resolve(
    run: RunId, step: Annotated[str, Path(description="The step.", examples=["ticket"])], body: Resolution
) -> StepView:
    record = services().resolve(
        principal(router), unquote(run), unquote(step), body.at, done=body.done, output=body.output
    )
    return step_view(record)


@router.get(f"{BASE}/approvals", summary="What waits for people, oldest first")
@requires(Role.VIEWER)
def approvals(limit: Limit = 100, cursor: Cursor = None) -> ApprovalPage:
    page = services().approvals.open(principal(router).tenant, limit=limit, cursor=cursor)
    return ApprovalPage(rows=[approval_view(each) for each in page.rows], cursor=page.cursor)


@router.post(
    f"{BASE}/approvals/<approval>/decision",
    summary="Approve, or reject",
    description="Once per person; never by who asked for the run. A rejection fails the run.",
    openapi_extensions=errors(
        "APPROVAL_NOT_YOURS", "SELF_APPROVAL", "APPROVAL_CLOSED", "APPROVAL_EXPIRED", "ALREADY_DECIDED"
    ),
)
@requires(Role.VIEWER)
def decide(
    approval: Annotated[str, Path(description="The approval's id.", examples=["e-2c26b46b68ffc68ff99b45"])],
    body: DecisionGiven,
) -> ApprovalView:
    made = services().approving.decide(principal(router), unquote(approval), body.approve, body.comment)
    return approval_view(made)


def _run(id: str) -> Run:
    found = services().runs.get(principal(router).tenant, id)
    if found is None:
        raise NotFound(f"there is no run {id}")
    return found


def _started(run: Run) -> Response[Any]:
    view = RunStarted(run=run.id, workflow=run.workflow, version=run.version, status=run.status.value)
    return respond(view, status=202)
