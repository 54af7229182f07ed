"""The operator function: the platform's own commands.

Only IAM lets anybody invoke it; no HTTP route leads here.

{"command": "create_tenant", "tenant", "name"?} -> {"ok": true, "tenant": {...}}
{"command": "list_tenants"} -> {"ok": true, "rows": [{...}]}
{"command": "suspend_tenant" | "resume_tenant", "tenant"} -> {"ok": true, "tenant": {...}}
{"command": "create_user", "tenant", "username", "roles"} -> {"ok": true, "user": {...}, "created": bool}
{"command": "map_client", "tenant", "issuer"?, "client_id", "roles"} -> {"ok": true, "mapping": {...}}
{"command": "issue_token", "tenant", "role"?} -> {"ok": true, "access_token", "expires_in", "token_type"}
Anything refused: {"ok": false, "problem": {...RFC 9457...}}
"""

from typing import Any

from services.identity.application.tokens import OPERATOR
from services.identity.domain.tenants import Tenant
from services.identity.handlers import wiring
from services.identity.handlers.views import mapping_view, tenant_view, user_view
from shared.observability import logger
from shared.operator_commands import Answer, Command, Route, answer, route
from shared.tenancy import Role, tenant_id


class TenantCommand(Command):
    tenant: str


class CreateTenant(TenantCommand):
    name: str | None = None


class CreateUser(TenantCommand):
    username: str
    roles: list[str]


class MapClient(TenantCommand):
    """`issuer`: absent, the platform's own user pool (a machine client of it)."""

    issuer: str | None = None
    client_id: str
    roles: list[str]


class IssueToken(TenantCommand):
    role: Role | None = None


def create_tenant(command: CreateTenant) -> Answer:
    return _tenant(_services().tenants.create(command.tenant, command.name))


def list_tenants(command: Command) -> Answer:
    return {"rows": [tenant_view(tenant).model_dump() for tenant in _services().tenants.all()]}


def suspend_tenant(command: TenantCommand) -> Answer:
    return _tenant(_services().tenants.suspend(command.tenant, OPERATOR))


def resume_tenant(command: TenantCommand) -> Answer:
    return _tenant(_services().tenants.resume(command.tenant, OPERATOR))


def create_user(command: CreateUser) -> Answer:
    services = _services()
    tenant = services.tenants.get(command.tenant)
    user, created = services.users.create(tenant.id, command.username, command.roles, OPERATOR)
    return {"user": user_view(user).model_dump(), "created": created}


def map_client(command: MapClient) -> Answer:
    services = _services()
    tenant = services.tenants.get(command.tenant)
    issuer = command.issuer or services.issuer
    mapping = services.mappings.create(tenant.id, issuer, command.client_id, command.roles, OPERATOR)
    return {"mapping": mapping_view(mapping).model_dump()}


def issue_token(command: IssueToken) -> Answer:
    token = _services().tokens.issue(tenant_id(command.tenant), command.role)
    logger.info("audit", extra={"act": "token issued", "facts": {"by": OPERATOR, "role": command.role}})
    return {"access_token": token.value, "expires_in": token.expires_in, "token_type": "Bearer"}


def _services() -> wiring.Services:
    return wiring.operator_services()


def _tenant(tenant: Tenant) -> Answer:
    return {"tenant": tenant_view(tenant).model_dump()}


ROUTES: dict[str, Route] = {
    "create_tenant": route(CreateTenant, create_tenant),
    "list_tenants": route(Command, list_tenants),
    "suspend_tenant": route(TenantCommand, suspend_tenant),
    "resume_tenant": route(TenantCommand, resume_tenant),
    "create_user": route(CreateUser, create_user),
    "map_client": route(MapClient, map_client),
    "issue_token": route(IssueToken, issue_token),
}


def handler(event: dict[str, Any], context: object) -> Answer:
    return answer(ROUTES, event)
