"""Who asks the user pool for a token, and what the token will say."""

from dataclasses import dataclass

from services.identity.domain.users import role_names
from shared.tenancy import API_SCOPE, Role, TenantId


@dataclass(frozen=True)
class UserLogin:
    """A user of the pool itself. `tenant` is its immutable attribute, '' when it has none."""

    username: str
    tenant: str


@dataclass(frozen=True)
class ClientLogin:
    """A machine client (issuer: the pool) or a federated user (issuer: its identity provider)."""

    issuer: str
    client_id: str
    federated: bool


Login = UserLogin | ClientLogin


@dataclass(frozen=True)
class Grant:
    """What goes into the access token. A machine client's scopes are what its client was allowed, so
    none is added for it."""

    tenant: TenantId
    roles: frozenset[Role]
    add_scope: bool

    @property
    def claims(self) -> dict[str, str]:
        return {"tenant": self.tenant, "roles": " ".join(role_names(self.roles))}

    @property
    def scopes(self) -> list[str]:
        return [API_SCOPE] if self.add_scope else []
