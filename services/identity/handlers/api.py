"""HTTP API of identity: the caller, its tenant, the tenant's users and SSO mappings."""

from typing import Annotated, Any
from urllib.parse import unquote

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Path, Query

from services.identity.domain.users import role_names
from services.identity.handlers.models import (
    CLIENT,
    ISSUER,
    MappingPage,
    Me,
    NewRoles,
    NewUser,
    TenantView,
    UserPage,
    UserView,
)
from services.identity.handlers.views import mapping_view, tenant_view, user_view
from services.identity.handlers.wiring import api_services
from shared.http import api, lambda_handler, principal, requires, respond
from shared.tenancy import Role

app = api("identity", title="Identity")

Limit = Annotated[int, Query(ge=1, le=1000, description="Rows per page.")]
Cursor = Annotated[str | None, Query(max_length=4096, description="The cursor of the page before.")]
Username = Annotated[str, Path(description="The user's e-mail address.", examples=["ada@example.com"])]


def errors(*codes: str) -> dict[str, Any]:
    """The codes that are a route's own, shown in the OpenAPI document."""
    return {"x-onyx-errors": list(codes)}


@app.get("/v1/identity/me", summary="Who the token says you are")
@requires(Role.VIEWER)
def me() -> Me:
    caller = principal(app)
    return Me(subject=caller.subject, tenant=caller.tenant, roles=role_names(caller.roles))


@app.get("/v1/identity/tenant", summary="Your tenant")
@requires(Role.VIEWER)
def tenant() -> TenantView:
    return tenant_view(api_services().tenants.get(principal(app).tenant))


@app.get(
    "/v1/identity/users",
    summary="The tenant's users, by name",
    openapi_extensions=errors("INVALID_CURSOR"),
)
@requires(Role.ADMIN)
def users(limit: Limit = 100, cursor: Cursor = None) -> UserPage:
    page = api_services().users.list(principal(app).tenant, limit=limit, cursor=cursor)
    return UserPage(rows=[user_view(user) for user in page.rows], cursor=page.cursor)


@app.post(
    "/v1/identity/users",
    summary="Create a user",
    description="Cognito sends an invitation. 201 when the user was created; 200 when the same call had "
    "created it before.",
    status_code=201,
    openapi_extensions=errors("USERNAME", "USER_RESERVED", "USER_EXISTS", "USERNAME_TAKEN"),
)
@requires(Role.ADMIN)
def create_user(body: NewUser) -> Response[UserView]:
    caller = principal(app)
    user, created = api_services().users.create(caller.tenant, body.username, body.roles, caller.subject)
    return respond(user_view(user), status=201 if created else 200)


@app.put(
    "/v1/identity/users/<username>/roles",
    summary="Replace a user's roles",
    description="Tokens that are out keep the old roles until they expire.",
    openapi_extensions=errors("USER_NOT_FOUND", "USER_RESERVED", "VERSION_CONFLICT"),
)
@requires(Role.ADMIN)
def set_roles(username: Username, body: NewRoles) -> UserView:
    caller = principal(app)
    changed = api_services().users.set_roles(caller.tenant, unquote(username), body.roles, caller.subject)
    return user_view(changed)


@app.post(
    "/v1/identity/users/<username>/disable",
    summary="Disable a user",
    description="No further token is issued; tokens that are out stay valid until they expire.",
    openapi_extensions=errors("USER_NOT_FOUND", "USER_RESERVED", "VERSION_CONFLICT"),
)
@requires(Role.ADMIN)
def disable_user(username: Username) -> UserView:
    caller = principal(app)
    return user_view(api_services().users.disable(caller.tenant, unquote(username), caller.subject))


@app.get(
    "/v1/identity/sso-mappings",
    summary="The tenant's SSO mappings",
    openapi_extensions=errors("INVALID_CURSOR"),
)
@requires(Role.ADMIN)
def mappings(limit: Limit = 100, cursor: Cursor = None) -> MappingPage:
    page = api_services().mappings.list(principal(app).tenant, limit=limit, cursor=cursor)
    return MappingPage(rows=[mapping_view(mapping) for mapping in page.rows], cursor=page.cursor)


@app.delete(
    "/v1/identity/sso-mappings",
    summary="Delete an SSO mapping",
    status_code=204,
    openapi_extensions=errors("MAPPING_NOT_FOUND"),
)
@requires(Role.ADMIN)
def delete_mapping(
    issuer: Annotated[str, Query(max_length=512, description="Its issuer.", examples=[ISSUER])],
    client_id: Annotated[str, Query(max_length=256, description="Its client.", examples=[CLIENT])],
) -> Response[Any]:
    caller = principal(app)
    api_services().mappings.delete(caller.tenant, issuer, client_id, caller.subject)
    return Response(status_code=204, body="")


handler = lambda_handler(app)
