"""The facts that identity publishes, and all that another service may import from it.

Every admin act is an event with `by`: the subject of the verified token that did it, or `operator`
for an act through the operator function (invoked by IAM only).
"""

from datetime import datetime
from typing import ClassVar

from shared.events import Event


class IdentityEvent(Event):
    """What all of them tell: whose tenant it is, and who did it."""

    source: ClassVar[str] = "onyx.identity"

    tenant: str
    by: str


class TenantCreated(IdentityEvent):
    """A tenant exists: other domains prepare what they keep per tenant."""

    type: ClassVar[str] = "TenantCreated"
    subject_field: ClassVar[str | None] = "tenant"

    name: str
    created_at: datetime
    by: str = "operator"


class TenantSuspended(IdentityEvent):
    """No token is issued for the tenant from now on; tokens that are out stay valid until they expire."""

    type: ClassVar[str] = "TenantSuspended"
    subject_field: ClassVar[str | None] = "tenant"

    suspended_at: datetime


class TenantResumed(IdentityEvent):
    """The tenant gets tokens again."""

    type: ClassVar[str] = "TenantResumed"
    subject_field: ClassVar[str | None] = "tenant"

    resumed_at: datetime


class UserCreated(IdentityEvent):
    """A user of the tenant may log in. `roles` are role values in order of their names."""

    type: ClassVar[str] = "UserCreated"
    subject_field: ClassVar[str | None] = "username"

    username: str
    roles: list[str]
    created_at: datetime


class UserRolesChanged(IdentityEvent):
    """The roles of a user were replaced; the next token carries them."""

    type: ClassVar[str] = "UserRolesChanged"
    subject_field: ClassVar[str | None] = "username"

    username: str
    roles: list[str]
    previous_roles: list[str]
    changed_at: datetime


class UserDisabled(IdentityEvent):
    """The user gets no further token."""

    type: ClassVar[str] = "UserDisabled"
    subject_field: ClassVar[str | None] = "username"

    username: str
    disabled_at: datetime


class SsoMappingCreated(IdentityEvent):
    """Tokens of this issuer and client belong to the tenant from now on."""

    type: ClassVar[str] = "SsoMappingCreated"
    subject_field: ClassVar[str | None] = "client_id"

    issuer: str
    client_id: str
    roles: list[str]
    created_at: datetime


class SsoMappingDeleted(IdentityEvent):
    """Tokens of this issuer and client are issued no more."""

    type: ClassVar[str] = "SsoMappingDeleted"
    subject_field: ClassVar[str | None] = "client_id"

    issuer: str
    client_id: str
    deleted_at: datetime
