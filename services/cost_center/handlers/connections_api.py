"""HTTP API of connections to AWS accounts: routes of the cost center's function."""

from typing import Annotated, Any
from urllib.parse import unquote

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from services.cost_center.handlers.connection_models import (
    BASE,
    ConnectionList,
    ConnectionView,
    NewConnection,
    PlaceGiven,
    connection_view,
)
from services.cost_center.handlers.connection_wiring import connection_services
from shared.http import principal, requires, respond
from shared.tenancy import Role

router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]

Source = Annotated[str, Path(description="The connection's source.", examples=["aws-123456789012"])]


@router.post(
    BASE,
    summary="Connect an AWS account",
    description="201 when the connection is new; 200 when the same call made it before. Deploy its template "
    "in the account, then verify it.",
    status_code=201,
    openapi_extensions={
        "x-onyx-errors": ["INVALID_SOURCE", "INVALID_ACCOUNT", "INVALID_PLACE", "CONNECTION_EXISTS"]
    },
)
@requires(Role.ADMIN)
def create_connection(body: NewConnection) -> Response[ConnectionView]:
    caller = principal(router)
    source = body.source or f"aws-{body.account_id}"
    made, new = connection_services().create(
        caller.tenant, source, body.account_id, body.kind, caller.subject, body.over
    )
    return respond(connection_view(made), status=201 if new else 200)


@router.get(BASE, summary="The tenant's connections, by source")
@requires(Role.VIEWER)
def connections(
    limit: Annotated[int, Query(ge=1, le=1000, description="Rows per page.")] = 100,
    cursor: Annotated[
        str | None, Query(max_length=4096, description="The cursor of the page before.")
    ] = None,
) -> ConnectionList:
    page = connection_services().page(principal(router).tenant, limit=limit, cursor=cursor)
    return ConnectionList(rows=[connection_view(each) for each in page.connections], cursor=page.cursor)


@router.get(f"{BASE}/<source>", summary="One connection")
@requires(Role.VIEWER)
def connection(source: Source) -> ConnectionView:
    return connection_view(connection_services().get(principal(router).tenant, unquote(source)))


@router.get(
    f"{BASE}/<source>/template",
    summary="The CloudFormation template for the account",
    description="It holds the tenant's external id, so it is for admins.",
)
@requires(Role.ADMIN)
def connection_template(source: Source) -> dict[str, Any]:
    return connection_services().template(principal(router).tenant, unquote(source))


@router.post(
    f"{BASE}/<source>/verify",
    summary="Try a connection",
    description="Assumes the role with the external id, which must work, and without it and with a wrong "
    "one, which must not; then lists the export's folder. The answer's status says what came of it.",
    openapi_extensions={"x-onyx-errors": ["INVALID_PLACE", "VERSION_CONFLICT"]},
)
@requires(Role.ADMIN)
def verify_connection(source: Source, body: PlaceGiven) -> ConnectionView:
    caller = principal(router)
    tried = connection_services().verify(caller.tenant, unquote(source), caller.subject, body.over)
    return connection_view(tried)


@router.delete(
    f"{BASE}/<source>",
    summary="Remove a connection",
    description="Nothing is pulled any more; what was pulled stays. The stack in the account is its owner's "
    "to delete. Answers the connection as it was.",
    openapi_extensions={"x-onyx-errors": ["CONNECTION_NOT_FOUND", "VERSION_CONFLICT"]},
)
@requires(Role.ADMIN)
def remove_connection(source: Source) -> ConnectionView:
    caller = principal(router)
    return connection_view(connection_services().remove(caller.tenant, unquote(source), caller.subject))
