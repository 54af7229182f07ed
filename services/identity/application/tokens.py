"""Use cases around a token: what it may say, and one for the platform's operator."""

from dataclasses import dataclass

from services.identity.application.users import UserService
from services.identity.domain.logins import ClientLogin, Grant, Login, UserLogin
from services.identity.domain.ports import AccessToken, Directory, MappingLookup, TenantLookup, UserLookup
from services.identity.domain.users import internal_username
from shared.errors import BadRequest, Forbidden, NotFound
from shared.tenancy import Role, TenantId, tenant_id

OPERATOR = "operator"


@dataclass(frozen=True)
class GrantService:
    """Decides every token. It refuses by raising, so that the pool issues none."""

    tenants: TenantLookup
    users: UserLookup
    mappings: MappingLookup

    def grant(self, login: Login) -> Grant:
        """Forbidden for an unknown, disabled or unmapped caller and for one of a suspended tenant."""
        found = self._user(login) if isinstance(login, UserLogin) else self._client(login)
        tenant = self.tenants.get(found.tenant)
        if tenant is None or not tenant.active:
            raise Forbidden("The tenant is unknown or suspended.", code="TENANT_SUSPENDED")
        return found

    def _user(self, login: UserLogin) -> Grant:
        try:
            tenant = tenant_id(login.tenant)
        except BadRequest:
            raise Forbidden("The user belongs to no tenant.", code="USER_WITHOUT_TENANT") from None
        user = self.users.get(tenant, login.username)
        if user is None or not user.active:
            raise Forbidden("The user is unknown or disabled.", code="USER_DISABLED")
        return Grant(tenant=tenant, roles=user.roles, add_scope=True)

    def _client(self, login: ClientLogin) -> Grant:
        mapping = self.mappings.get(login.issuer, login.client_id)
        if mapping is None:
            raise Forbidden("The client is not mapped to a tenant.", code="CLIENT_NOT_MAPPED")
        return Grant(tenant=mapping.tenant, roles=mapping.roles, add_scope=login.federated)


@dataclass(frozen=True)
class TokenService:
    """Tokens for the platform's operator, who reaches this through IAM alone."""

    tenants: TenantLookup
    users: UserService
    directory: Directory

    def issue(self, identifier: str, role: Role | None = None) -> AccessToken:
        """A token of the tenant's own internal user: an admin's, or one with a single role.

        NotFound without such a tenant, Forbidden when it is suspended.
        """
        tenant = self._active(identifier)
        username = internal_username(tenant, role)
        self.users.ensure(tenant, username, frozenset({role or Role.ADMIN}), OPERATOR, invite=False)
        try:
            return self.directory.issue(username)
        except NotFound:  # the pool lost what the table still knows (a restored table, another pool)
            self.directory.create(tenant, username, invite=False)
            return self.directory.issue(username)

    def _active(self, identifier: str) -> TenantId:
        tenant = self.tenants.get(tenant_id(identifier))
        if tenant is None:
            raise NotFound(f"There is no tenant {identifier}.", code="TENANT_NOT_FOUND")
        if not tenant.active:
            raise Forbidden(f"Tenant {tenant.id} is suspended.", code="TENANT_SUSPENDED")
        return tenant.id
